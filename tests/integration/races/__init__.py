"""Many clients at once, and what must hold whoever comes first."""
