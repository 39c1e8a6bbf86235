"""Thousands of outreaches lived through in seconds: no server, no database, no clock."""
