"""Files of recipients, read and checked."""
