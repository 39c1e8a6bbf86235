"""Many clients at once, and the rules that hold in any order."""
