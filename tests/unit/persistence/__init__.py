"""Persistence without a database."""
