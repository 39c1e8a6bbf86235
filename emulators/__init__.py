"""Stand-ins for real providers, on this machine, that can be made to fail."""
