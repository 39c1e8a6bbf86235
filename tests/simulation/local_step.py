"""A short activity beside its workflow, tried again in the same task."""

import asyncio
from typing import TYPE_CHECKING, Any

from temporalio.bridge.proto.workflow_commands import ScheduleLocalActivity
from temporalio.exceptions import TimeoutError as ActivityTimeoutError
from temporalio.exceptions import TimeoutType

from tests.simulation import activations
from tests.simulation.activity_run import ActivityRun
from tests.simulation.retries import as_kept, is_final, wait_before

if TYPE_CHECKING:
    from tests.simulation.execution import Execution


class LocalStep:
    """One local activity of an open task.

    Args:
        execution: the workflow it is a step of.
        command: what was asked for.
    """

    def __init__(self, execution: "Execution", command: ScheduleLocalActivity) -> None:
        self._execution = execution
        self._server = execution.server
        self._command = command
        self._tries = 0
        self._run: ActivityRun | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._begin()

    def abandon(self) -> None:
        """The instance that waits for it is gone."""
        if self._timer is not None:
            self._timer.cancel()
        if self._run is not None:
            self._run.abandon()

    def _begin(self) -> None:
        self._tries += 1
        loop = self._server.loop
        self._timer = loop.call_later(
            self._command.start_to_close_timeout.ToNanoseconds() / 1e9, self._time_out
        )
        self._run = ActivityRun(
            loop,
            self._command.activity_type,
            self._execution.worker,
            self._command.arguments[0],
            [],
            ended=self._ended,
            lost=self._lost,
            is_local=True,
        )
        # Before its first line: whatever its workflow has said of the time is long past.
        self._server.may_stand_still()

    def _ended(self, run: ActivityRun, result: Any, error: BaseException | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        # What it has left behind goes on, and is not heard here.
        run.abandon()
        seq = self._command.seq
        if error is None:
            answer = activations.completed(seq, activations.payload_of(result), is_local=True)
            self._execution.step_ended(seq, answer)
        else:
            self._failed(as_kept(error, run, self._server))

    def _time_out(self) -> None:
        """It takes too long: the worker interrupts it."""
        assert self._run is not None
        self._run.abandon()
        self._run.task.cancel()
        self._failed(
            ActivityTimeoutError(
                "step timed out", type=TimeoutType.START_TO_CLOSE, last_heartbeat_details=[]
            )
        )

    def _failed(self, error: Exception) -> None:
        policy, seq = self._command.retry_policy, self._command.seq
        if is_final(error, policy) or 0 < policy.maximum_attempts <= self._tries:
            self._execution.step_ended(seq, activations.failed(seq, error, is_local=True))
            return
        wait = wait_before(self._tries, error, policy)
        self._timer = self._server.loop.call_later(wait, self._begin)

    def _lost(self, run: ActivityRun) -> None:
        self._server.tell("%s: the worker is lost in %s", self._execution.name, run.name)
        self._execution.worker_lost()
