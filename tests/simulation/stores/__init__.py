"""The ports of `activities/` kept in memory, by the rules of `persistence/`."""
