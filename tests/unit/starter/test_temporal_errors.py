"""What Temporal does not find: a workflow, or the namespace that would have it."""

import pytest
from google.protobuf.any_pb2 import Any as Detail
from temporalio.api.common.v1 import GrpcStatus
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure, NotFoundFailure
from temporalio.service import RPCError, RPCStatusCode

from madan_sara.contracts.errors import UnreachableError
from madan_sara.starter.temporal_errors import is_closing, is_gone, temporal_border


def _not_found(says: str, failure: NamespaceNotFoundFailure | NotFoundFailure) -> RPCError:
    detail = Detail()
    detail.Pack(failure)
    status = GrpcStatus(code=RPCStatusCode.NOT_FOUND, message=says, details=[detail])
    return RPCError(says, RPCStatusCode.NOT_FOUND, status.SerializeToString())


#: As server 1.32 answers.
_NO_NAMESPACE = _not_found("Namespace elsewhere is not found.", NamespaceNotFoundFailure())
_NO_WORKFLOW = _not_found("workflow not found for ID: outreach", NotFoundFailure())
_CLOSED = RPCError("workflow update was aborted by closing workflow", RPCStatusCode.NOT_FOUND, b"")
_BUSY = RPCError("aborted by closing workflow", RPCStatusCode.RESOURCE_EXHAUSTED, b"")


def test_a_namespace_that_is_not_there_is_no_workflow_that_is_gone():
    assert [is_gone(each) for each in (_NO_WORKFLOW, _CLOSED, _NO_NAMESPACE, _BUSY)] == [
        True,
        True,
        False,
        False,
    ]


def test_a_workflow_that_ends_unasked_is_known_by_what_the_server_says():
    closing = [each for each in (_NO_WORKFLOW, _CLOSED, _NO_NAMESPACE, _BUSY) if is_closing(each)]
    assert closing == [_CLOSED]


async def test_the_namespace_is_named_where_the_error_is_about_it():
    @temporal_border
    async def ask() -> None:
        raise _NO_NAMESPACE

    with pytest.raises(UnreachableError, match="Namespace elsewhere is not found") as caught:
        await ask()
    assert "TEMPORAL_NAMESPACE" in str(caught.value)
