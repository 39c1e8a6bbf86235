"""The whole system on one machine, with nothing installed."""
