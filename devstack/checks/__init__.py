"""Whether what the system says of itself is true, by its own records and by the other sides'."""
