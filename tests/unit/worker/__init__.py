"""Tests of the worker's own parts."""
