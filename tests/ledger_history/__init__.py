"""The ledger and the claims as their callers see them: calls, commits, and what both prove."""
