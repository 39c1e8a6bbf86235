"""What the SDK's core hands to a workflow instance, made by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_json
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.bridge.proto.activity_result import (
    ActivityResolution,
    Cancellation,
    Success,
)
from temporalio.bridge.proto.activity_result import Failure as FailedActivity
from temporalio.bridge.proto.workflow_activation import (
    CancelWorkflow,
    DoUpdate,
    FireTimer,
    InitializeWorkflow,
    RemoveFromCache,
    ResolveActivity,
    SignalWorkflow,
    WorkflowActivation,
    WorkflowActivationJob,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import PayloadConverter

Job = WorkflowActivationJob


class _Converter(PayloadConverter):
    """What the pydantic converter makes of models and plain values, without trying the rest."""

    def to_payloads(self, values: Sequence[Any]) -> list[Payload]:
        return [Payload(metadata=_JSON, data=to_json(value)) for value in values]

    def from_payloads(
        self, payloads: Sequence[Payload], type_hints: list[type] | None = None
    ) -> list[Any]:
        hints = type_hints or [object] * len(payloads)
        return [
            _adapter(hint).validate_json(payload.data)
            for payload, hint in zip(payloads, hints, strict=True)
        ]


@cache
def _adapter(hint: type) -> TypeAdapter[Any]:
    return TypeAdapter(Any if hint is object else hint)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_JSON = {"encoding": b"json/plain"}
CONVERTER = _Converter()
_FAILURES = pydantic_data_converter.failure_converter


def payload_of(value: object) -> Payload:
    """A value as it travels."""
    (payload,) = CONVERTER.to_payloads([value])
    return payload


def value_of(payload: Payload, kind: type | None) -> Any:
    """What travelled, as what it stands for."""
    (value,) = CONVERTER.from_payloads([payload], [kind] if kind else None)
    return value


def initialize(workflow_type: str, workflow_id: str, argument: Payload, now: datetime) -> Job:
    """The first job of a workflow."""
    job = Job(
        initialize_workflow=InitializeWorkflow(
            workflow_type=workflow_type, workflow_id=workflow_id, arguments=[argument]
        )
    )
    job.initialize_workflow.start_time.FromDatetime(now)
    return job


def fire_timer(seq: int) -> Job:
    """A timer is over."""
    return Job(fire_timer=FireTimer(seq=seq))


def signal(name: str, arguments: Sequence[Payload]) -> Job:
    """A signal has come."""
    return Job(signal_workflow=SignalWorkflow(signal_name=name, input=arguments))


def update(update_id: str, name: str, arguments: Sequence[Payload]) -> Job:
    """An update is asked for."""
    return Job(
        do_update=DoUpdate(
            id=update_id,
            protocol_instance_id=update_id,
            name=name,
            input=arguments,
            run_validator=True,
        )
    )


def cancel(reason: str) -> Job:
    """A cancel was asked for."""
    return Job(cancel_workflow=CancelWorkflow(reason=reason))


def remove_from_cache() -> Job:
    """The instance is given up."""
    return Job(remove_from_cache=RemoveFromCache())


def completed(seq: int, result: Payload, *, is_local: bool) -> Job:
    """An activity has answered."""
    resolution = ActivityResolution(completed=Success(result=result))
    return Job(resolve_activity=ResolveActivity(seq=seq, result=resolution, is_local=is_local))


def failed(seq: int, error: Exception, *, is_local: bool) -> Job:
    """An activity has failed; one of its own as the cause of Temporal's error."""
    failure = Failure()
    _FAILURES.to_failure(error, CONVERTER, failure)
    if not is_local:
        failure = Failure(message="Activity task failed", cause=failure)
        failure.activity_failure_info.activity_id = str(seq)
    resolution = ActivityResolution(failed=FailedActivity(failure=failure))
    return Job(resolve_activity=ResolveActivity(seq=seq, result=resolution, is_local=is_local))


def cancelled(seq: int) -> Job:
    """An activity was cancelled before it ran."""
    failure = Failure(message="Activity cancelled", cause=Failure(message="cancelled"))
    failure.cause.canceled_failure_info.SetInParent()
    failure.activity_failure_info.activity_id = str(seq)
    resolution = ActivityResolution(cancelled=Cancellation(failure=failure))
    return Job(resolve_activity=ResolveActivity(seq=seq, result=resolution))


def activation(jobs: Sequence[Job], now: datetime, history_length: int) -> WorkflowActivation:
    """Some jobs at an instant."""
    made = WorkflowActivation(run_id="run", jobs=jobs, history_length=history_length)
    since = now - _EPOCH
    made.timestamp.seconds = since.days * 86_400 + since.seconds
    made.timestamp.nanos = since.microseconds * 1_000
    return made


def is_local_answer(job: Job) -> bool:
    """Whether a job is the answer of a local activity, which no server has."""
    return job.HasField("resolve_activity") and job.resolve_activity.is_local
