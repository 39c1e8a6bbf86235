"""Workflows that were ended from outside, or are gone."""

from typing import Final
from uuid import UUID

from temporalio.client import WorkflowExecutionStatus

from madan_sara.contracts.errors import OutreachLostError

_BECAME: Final = {
    WorkflowExecutionStatus.TERMINATED: "was terminated",
    WorkflowExecutionStatus.TIMED_OUT: "has timed out",
    WorkflowExecutionStatus.FAILED: "has failed",
    WorkflowExecutionStatus.CANCELED: "was cancelled",
}


def lost_outreach(message_id: UUID, how: WorkflowExecutionStatus | None) -> OutreachLostError:
    """A message whose workflow was ended from outside; None: Temporal does not know it."""
    return OutreachLostError(message_id, render_execution(how), is_known=how is not None)


def render_execution(status: WorkflowExecutionStatus | None) -> str:
    """How a workflow ended, in words; None: Temporal does not know it."""
    if status is None:
        return "is not known to Temporal"
    return _BECAME.get(status, f"is {status.name.lower()}")
