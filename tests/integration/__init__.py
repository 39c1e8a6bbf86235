"""Tests against the real PostgreSQL, Temporal and SMTP."""
