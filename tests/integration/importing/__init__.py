"""Files of recipients, stored in PostgreSQL."""
