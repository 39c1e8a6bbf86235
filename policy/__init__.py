"""Pure decisions: which channel, when, how often, what it may cost. No clock and no I/O."""
