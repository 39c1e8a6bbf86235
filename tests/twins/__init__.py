"""The stores in memory and those in PostgreSQL, driven by the same calls and compared."""
