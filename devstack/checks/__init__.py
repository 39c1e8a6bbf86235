"""Whether what the system says of itself is true, by its own books and by the other sides'."""
