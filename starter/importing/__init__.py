"""Recipients by the hundred thousand: from a file into a campaign's queue."""
