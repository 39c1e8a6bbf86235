"""Tests of the texts workflows show."""
