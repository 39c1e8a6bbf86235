"""Measurements of the orchestrator; `README.md` beside this file says what each one means."""
