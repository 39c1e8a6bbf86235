"""An activity as the server keeps it: to be started, running, or to be tried again."""

import asyncio
from typing import TYPE_CHECKING, Any

from temporalio.bridge.proto.workflow_commands import ScheduleActivity
from temporalio.exceptions import ApplicationError

from tests.simulation import activations
from tests.simulation.activity_run import ActivityRun
from tests.simulation.retries import as_kept, is_final, wait_before

if TYPE_CHECKING:
    from tests.simulation.execution import Execution

#: A worker hears of a cancel with its next heartbeat.
_HEARTBEAT = 3.0


class ActivityTask:
    """One activity with a task queue of its own, with all its runs.

    Args:
        execution: the workflow that asked for it.
        command: what was asked for.
    """

    def __init__(self, execution: "Execution", command: ScheduleActivity) -> None:
        self.seq = command.seq
        self._execution = execution
        self._server = execution.server
        self._command = command
        self._tries = 0
        self._heard: list[Any] = []
        self._run: ActivityRun | None = None
        self._is_cancel_requested = False
        #: Until it is started, or taken for dead.
        self._timer = self._server.loop.call_later(self._server.delay(), self._begin)

    def abandon(self) -> None:
        """Its workflow is closed; what still runs is not heard."""
        self._timer.cancel()
        if self._run is not None:
            self._run.abandon()

    def request_cancel(self) -> None:
        """End it: at once where nothing runs, else its worker hears of it."""
        self._is_cancel_requested = True
        if self._run is None:
            self._timer.cancel()
            self._end(activations.cancelled(self.seq))
            return
        self._server.loop.call_later(_HEARTBEAT, _tell_cancel, self._run)

    def _begin(self) -> None:
        self._tries += 1
        loop = self._server.loop
        longest = self._command.start_to_close_timeout.ToNanoseconds() / 1e9
        self._run = ActivityRun(
            loop,
            self._command.activity_type,
            self._server.any_worker(),
            self._command.arguments[0],
            self._heard,
            ended=self._ended,
            lost=self._lost,
            is_local=False,
        )
        self._timer = loop.call_later(longest, self._take_for_dead, self._run)

    def _ended(self, run: ActivityRun, result: Any, error: BaseException | None) -> None:
        self._timer.cancel()
        self._run = None
        if error is None:
            payload = activations.payload_of(result)
            self._end(activations.completed(self.seq, payload, is_local=False))
        elif isinstance(error, asyncio.CancelledError):
            self._end(activations.cancelled(self.seq))
        else:
            self._failed(as_kept(error, run, self._server))

    def _failed(self, error: Exception) -> None:
        policy = self._command.retry_policy
        if self._is_cancel_requested or is_final(error, policy):
            self._end(activations.failed(self.seq, error, is_local=False))
            return
        wait = wait_before(self._tries, error, policy)
        self._timer = self._server.loop.call_later(wait, self._begin)

    def _lost(self, run: ActivityRun) -> None:
        """No heartbeat comes any more; the server notices after a while."""
        seconds = self._command.heartbeat_timeout.ToNanoseconds() / 1e9
        if seconds:
            self._timer.cancel()
            self._timer = self._server.loop.call_later(seconds, self._take_for_dead, run)

    def _take_for_dead(self, run: ActivityRun) -> None:
        if run is not self._run:
            return
        self._server.tell(
            "%s: nothing is heard of %s; another run begins", self._execution.name, run.name
        )
        run.abandon()
        self._run = None
        self._failed(ApplicationError("nothing was heard of it", type="HeartbeatTimeout"))

    def _end(self, job: activations.Job) -> None:
        self._execution.activity_ended(self.seq, job)


def _tell_cancel(run: ActivityRun) -> None:
    if not run.is_abandoned and not run.task.done():
        run.task.cancel()
