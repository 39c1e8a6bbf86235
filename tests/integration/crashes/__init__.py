"""Workers killed at the worst moments."""
