"""What senders decide without a server."""
