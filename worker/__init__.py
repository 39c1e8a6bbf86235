"""Composition root: settings, adapters, activity objects, Temporal workers."""
