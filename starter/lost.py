"""Workflows that were ended from outside, or are gone."""

from typing import Final
from uuid import UUID

from temporalio.client import WorkflowExecutionStatus

_BECAME: Final = {
    WorkflowExecutionStatus.TERMINATED: "was terminated",
    WorkflowExecutionStatus.TIMED_OUT: "has timed out",
    WorkflowExecutionStatus.FAILED: "has failed",
    WorkflowExecutionStatus.CANCELED: "was cancelled",
}


class OutreachLostError(LookupError):
    """A message has not ended, and its workflow is gone or was ended from outside.

    Args:
        message_id: the message.
        how: how the workflow was ended; None: Temporal does not know it.
    """

    def __init__(self, message_id: UUID, how: WorkflowExecutionStatus | None) -> None:
        self.how = how
        #: The same in words.
        self.became = told_execution(how)
        super().__init__(f"message {message_id} is carried no further: its workflow {self.became}")


def told_execution(status: WorkflowExecutionStatus | None) -> str:
    """What became of a workflow, in words; None: Temporal does not know it."""
    if status is None:
        return "is not known to Temporal"
    return _BECAME.get(status, f"is {status.name.lower()}")
