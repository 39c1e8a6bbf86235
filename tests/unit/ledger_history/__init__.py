"""Small made-up histories."""
