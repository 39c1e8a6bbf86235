"""What the command line reads and writes."""
