"""Files of recipients, read and judged."""
