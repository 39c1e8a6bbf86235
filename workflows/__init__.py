"""When things happen: the durable workflows."""
