"""What persistence does without a database."""
