"""Tests of what workflows say."""
