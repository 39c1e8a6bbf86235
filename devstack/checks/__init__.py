"""Checks of the system's records, against each other and against those of the other sides."""
