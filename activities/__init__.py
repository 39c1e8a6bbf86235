"""The components of the orchestrator as Temporal activities, and the ports they need."""
