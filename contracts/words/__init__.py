"""The words for decisions and events, the same in every view."""
