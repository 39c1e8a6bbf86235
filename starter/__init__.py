"""The only room that starts, signals, updates and queries workflows."""
