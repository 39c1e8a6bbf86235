"""The stack whose worker can be killed, shared with the crash tests."""

from tests.integration.crashes.conftest import crash_stack

__all__ = ["crash_stack"]
