"""The messages that travel: what they accept and how they look."""
