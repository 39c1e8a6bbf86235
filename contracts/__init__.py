"""The messages that travel between rooms and through Temporal histories."""
