"""Questions a workflow does not take at once."""

import pytest
from temporalio.service import RPCError, RPCStatusCode

from madan_sara.starter import questions
from madan_sara.starter.questions import until_taken

_BUSY = RPCError("limit of in-flight updates", RPCStatusCode.RESOURCE_EXHAUSTED, b"")
_FAILING = RPCError("Workflow Task in failed state", RPCStatusCode.FAILED_PRECONDITION, b"")
_ENDED_TOO_SOON = RPCError(
    "Unable to perform workflow execution update due to unexpected workflow task failure.",
    RPCStatusCode.FAILED_PRECONDITION,
    b"",
)
_NOT_READY = RPCError("workflow is not ready", RPCStatusCode.FAILED_PRECONDITION, b"")
_GONE = RPCError("no such workflow", RPCStatusCode.NOT_FOUND, b"")


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(questions, "_UNTIL_READY_SECONDS", 0.0)


async def _put(*refusals: RPCError) -> tuple[str, int]:
    """Ask a workflow that refuses like this before it answers; the answer, and how often."""
    left, asked = list(refusals), 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        if left:
            raise left.pop(0)
        return "answer"

    return await until_taken(ask), asked


async def test_a_workflow_that_is_busy_is_asked_again():
    assert await _put(_BUSY, _FAILING, _BUSY) == ("answer", 4)


async def test_a_workflow_whose_end_is_put_off_by_a_signal_is_asked_again():
    assert await _put(_ENDED_TOO_SOON, _ENDED_TOO_SOON, _BUSY) == ("answer", 4)


@pytest.mark.parametrize("refusal", [_GONE, _NOT_READY])
async def test_what_asking_again_would_not_change_is_not_asked_again(refusal):
    with pytest.raises(RPCError) as error:
        await _put(_BUSY, refusal)
    assert error.value is refusal
