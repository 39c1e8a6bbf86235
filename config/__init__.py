"""Settings of one installation, read from the environment."""
