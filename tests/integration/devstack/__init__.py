"""The development stack."""
