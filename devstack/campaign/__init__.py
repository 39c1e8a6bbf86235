"""`make campaign`: one campaign to many people, with everything that can go wrong, checked."""
