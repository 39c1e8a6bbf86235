"""Decisions of senders, without a server."""
