"""`make demo`: every way an outreach can end, played and checked."""
