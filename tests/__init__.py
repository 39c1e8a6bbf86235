"""Tests, split by what they cost."""
