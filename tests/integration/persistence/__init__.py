"""The stores and constraints on a real PostgreSQL, without Temporal."""
