"""`make campaign`: one campaign to many people, with every kind of failure, checked."""
