"""One run of a workflow: its history, and the instance that is rebuilt from it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_commands import StartTimer, WorkflowCommand
from temporalio.common import Priority, TypedSearchAttributes
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner
from temporalio.worker._workflow_instance import WorkflowInstance, WorkflowInstanceDetails
from temporalio.workflow import Info
from temporalio.workflow._definition import _Definition

from tests.simulation import activations
from tests.simulation.activations import Job
from tests.simulation.activity_run import Registered
from tests.simulation.activity_task import ActivityTask
from tests.simulation.local_step import LocalStep

if TYPE_CHECKING:
    from tests.simulation.server import Server

_RUNNER = UnsandboxedWorkflowRunner()
_EXTERN_FUNCTIONS = {"__temporal_assert_local_activity_valid": lambda name: None}
#: Events of a history for each activation, as good as counted.
_EVENTS_A_STEP = 3
#: The server gives a task to another worker when it hears nothing of it for so long.
_TASK_TIMEOUT = 10.0
#: A worker asks for more time before that.
_TASK_HEARTBEAT = 8.0


@dataclass
class Step:
    """Some jobs, and what the workflow commanded upon them."""

    activation: WorkflowActivation
    commands: list[WorkflowCommand]
    #: Ways of the SDK's that it went, which history keeps and a replay goes, too.
    flags: Sequence[int] = ()


class Execution:
    """A workflow as server and worker carry it together.

    A task is open from its first jobs until every local step that they led to has answered;
    what arrives meanwhile waits. Only what an ended task has brought is history.

    Args:
        server: the server it runs on.
        definition: the workflow.
        workflow_id: its id.
        argument: its input, encoded.
    """

    def __init__(
        self, server: "Server", definition: _Definition, workflow_id: str, argument: Payload
    ) -> None:
        self.server = server
        self.workflow_id = workflow_id
        self.definition = definition
        #: How it ended: the command that closed it.
        self.closed: WorkflowCommand | None = None
        self.history: list[Step] = []
        self._open: list[Step] = []
        self._task_is_open = False
        self._is_called = False
        self._inbox: list[Job] = []
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._activities: dict[int, ActivityTask] = {}
        self._local: dict[int, LocalStep] = {}
        self._heartbeat: asyncio.TimerHandle | None = None
        self._accepted: set[str] = set()
        self.is_cancel_requested = False
        self._instance: WorkflowInstance | None = None
        #: The worker that has it in its cache.
        self._worker_no = 0
        now = server.loop.now()
        self._info = _info(definition.name or "", workflow_id, now)
        first = activations.initialize(definition.name or "", workflow_id, argument, now)
        self.deliver(first)

    @property
    def name(self) -> str:
        """What it is called in a story."""
        return self.server.name_of(self.workflow_id)

    @property
    def worker(self) -> Mapping[str, Registered]:
        """What its worker runs beside it."""
        return self.server.workers[self._worker_no]

    @property
    def can_be_woken(self) -> bool:
        """Whether something is under way that will lead to its next task."""
        return bool(
            self._timers or self._activities or self._local or self._inbox or self._task_is_open
        )

    @property
    def only_sleeps_for(self) -> float | None:
        """Seconds until its next timer; None: something is under way."""
        if self._activities or self._local or self._inbox or self._task_is_open:
            return None
        now = self.server.loop.time()
        return min((timer.when() - now for timer in self._timers.values()), default=None)

    @property
    def has_open_commands(self) -> bool:
        """Whether an update was let in and has no answer yet."""
        return bool(self._accepted)

    # What the server does

    def deliver(self, job: Job) -> None:
        """Have an event come in: now, or with the next task while one is open."""
        if self.closed is None:
            self._inbox.append(job)
            self._call_worker()

    def _call_worker(self, after: float | None = None) -> None:
        if self._is_called or self._task_is_open or self.closed is not None:
            return
        self._is_called = True
        delay = self.server.delay() if after is None else after
        self.server.loop.call_later(delay, self._begin_task)

    def _begin_task(self) -> None:
        self._is_called = False
        if self._task_is_open or self.closed is not None:
            return
        jobs, self._inbox = self._inbox, []
        self._task_is_open = True
        if self._instance is None:
            self._rebuild()
            self._start_again()
        if jobs:
            self._activate(jobs)
        else:
            self._end_task_if_done()

    def _end_task_if_done(self) -> None:
        if not self._local:
            self._end_task()
        elif self._heartbeat is None:
            self._heartbeat = self.server.loop.call_later(_TASK_HEARTBEAT, self._ask_for_time)

    def _ask_for_time(self) -> None:
        """Store what is done so far; what has arrived meanwhile comes with the next task."""
        self._heartbeat = None
        self._end_task()

    def _end_task(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            self._heartbeat = None
        closes = any(_closes(command) for step in self._open for command in step.commands)
        if self._open and self.server.loses_task():
            self.server.tell("%s: its worker dies before it has answered", self.name)
            self.lose_task(1.0)
            return
        if closes and self._inbox:
            self.lose_task(0.0)
            return
        self._task_is_open = False
        steps, self._open = self._open, []
        for step in steps:
            self._obey(step)
            if step.activation.jobs:
                self.history.append(step)
        self.server.checks.after_task(self)
        if self.closed is not None:
            return
        goes_on = bool(self._inbox or self._local)
        if self.server.evicts(self):
            self.forget()
        if goes_on:
            self._call_worker()

    def lose_task(self, after: float) -> None:
        """A worker is gone: another one begins the task anew, from what is history."""
        jobs = [
            job
            for step in self._open
            for job in step.activation.jobs
            if not activations.is_local_answer(job)
        ]
        self._inbox[:0] = jobs
        self._open = []
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            self._heartbeat = None
        self.forget()
        self._worker_no = 1 - self._worker_no
        self._task_is_open = False
        self._call_worker(after)

    def _obey(self, step: Step) -> None:
        """Carry out what an ended task has commanded."""
        rejected = set()
        for command in step.commands:
            kind = command.WhichOneof("variant")
            if kind == "start_timer":
                self._start_timer(command.start_timer)
            elif kind == "cancel_timer":
                self._stop_timer(command.cancel_timer.seq)
            elif kind == "schedule_activity":
                task = ActivityTask(self, command.schedule_activity)
                self._activities[task.seq] = task
            elif kind == "request_cancel_activity":
                self._cancel_activity(command.request_cancel_activity.seq)
            elif kind == "update_response":
                rejected.update(self._answer_update(command))
            elif kind == "request_cancel_local_activity":
                self.server.fail("a_step_runs_to_its_end", f"{self.name} cancelled a step")
            elif _closes(command):
                self.closed = command
        _forget_updates(step, rejected)
        if self.closed is not None:
            self._close()

    def _start_timer(self, timer: StartTimer) -> None:
        seconds = timer.start_to_fire_timeout.ToNanoseconds() / 1e9
        self._timers[timer.seq] = self.server.loop.call_later(seconds, self._fire, timer.seq)

    def _fire(self, seq: int) -> None:
        del self._timers[seq]
        self.deliver(activations.fire_timer(seq))

    def _stop_timer(self, seq: int) -> None:
        timer = self._timers.pop(seq, None)
        if timer is not None:
            timer.cancel()
        self._inbox = [
            job
            for job in self._inbox
            if not job.HasField("fire_timer") or job.fire_timer.seq != seq
        ]

    def _cancel_activity(self, seq: int) -> None:
        task = self._activities.get(seq)
        if task is not None:
            task.request_cancel()

    def activity_ended(self, seq: int, job: Job) -> None:
        """An activity of its own has its outcome."""
        del self._activities[seq]
        self.deliver(job)

    def _answer_update(self, command: WorkflowCommand) -> set[str]:
        """Note an answer; the update, if it was turned away at the door and left no trace."""
        response = command.update_response
        asked = response.protocol_instance_id
        if response.HasField("accepted"):
            self._accepted.add(asked)
            return set()
        was_accepted = asked in self._accepted
        self._accepted.discard(asked)
        if response.HasField("rejected"):
            self.server.answer(asked, response.rejected.message)
            return set() if was_accepted else {asked}
        self.server.answer(asked, "done")
        return set()

    def _close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        for task in self._activities.values():
            task.abandon()
        self._timers.clear()
        self._activities.clear()
        self.forget()
        self.server.workflow_closed(self)

    # What a worker does

    def _activate(self, jobs: Sequence[Job]) -> None:
        if self._instance is None:
            self._rebuild()
        length = _EVENTS_A_STEP * (len(self.history) + len(self._open) + 1)
        activation = activations.activation(jobs, self.server.loop.now(), length)
        activation.continue_as_new_suggested = self.server.suggests_new_run(self)
        step = self._run(activation)
        for job in activation.jobs:
            if job.HasField("do_update"):
                job.do_update.run_validator = False
        self._open.append(step)
        self._start_steps(step.commands)
        self._end_task_if_done()

    def _start_steps(self, commands: Sequence[WorkflowCommand]) -> None:
        for command in commands:
            if command.HasField("schedule_local_activity"):
                asked = command.schedule_local_activity
                self._local[asked.seq] = LocalStep(self, asked)

    def step_ended(self, seq: int, job: Job) -> None:
        """A local step has answered, or is given up."""
        del self._local[seq]
        if not self._task_is_open:
            self._task_is_open = True
        self._activate([job])

    def worker_restarted(self) -> None:
        """The worker stops and comes back; an open task is begun anew."""
        if self._task_is_open:
            self.lose_task(1.0)
        else:
            self.forget()

    def worker_lost(self) -> None:
        """The worker that has the open task is gone, or will not be heard of for long."""
        if self.closed is None:
            self.lose_task(_TASK_TIMEOUT)

    def _run(self, activation: WorkflowActivation) -> Step:
        assert self._instance is not None
        loop = asyncio.get_running_loop()
        try:
            completion = self._instance.activate(activation)
        finally:
            asyncio._set_running_loop(loop)
        if completion.HasField("failed"):
            self.server.fail(
                "no_task_of_a_workflow_fails", f"{self.name}: {completion.failed.failure.message}"
            )
        done = completion.successful
        return Step(activation, list(done.commands), tuple(done.used_internal_flags))

    def _rebuild(self) -> None:
        """Replay the whole history on a new instance, and compare what it commands."""
        self._instance = _RUNNER.create_instance(
            WorkflowInstanceDetails(
                payload_converter_factory=lambda: activations.CONVERTER,
                failure_converter_class=pydantic_data_converter.failure_converter_class,
                interceptor_classes=[],
                defn=self.definition,
                info=self._info,
                randomness_seed=0,
                extern_functions=_EXTERN_FUNCTIONS,
                disable_eager_activity_execution=False,
                worker_level_failure_exception_types=[],
                patch_activation_callback=None,
                last_completion_result=Payloads(),
                last_failure=None,
            )
        )
        for step in self.history:
            step.activation.is_replaying = True
            step.activation.available_internal_flags[:] = step.flags
            commands = self._run(step.activation).commands
            if commands != step.commands:
                self.server.fail(
                    "a_replay_commands_the_same",
                    f"{self.name}: {_shown(step.commands)} became {_shown(commands)}",
                )

    def _start_again(self) -> None:
        """Run those steps again that history has no answer of."""
        asked: dict[int, Any] = {}
        for step in self.history:
            for job in step.activation.jobs:
                if activations.is_local_answer(job):
                    asked.pop(job.resolve_activity.seq, None)
            for command in step.commands:
                if command.HasField("schedule_local_activity"):
                    asked[command.schedule_local_activity.seq] = command.schedule_local_activity
        self._local = {seq: LocalStep(self, command) for seq, command in asked.items()}

    def forget(self) -> None:
        """Evict the instance; what it was doing beside is not heard any more."""
        for step in self._local.values():
            step.abandon()
        self._local = {}
        if self._instance is not None:
            gone = activations.activation(
                [activations.remove_from_cache()], self.server.loop.now(), 0
            )
            self._run(gone)
            self._instance = None


def _closes(command: WorkflowCommand) -> bool:
    return command.WhichOneof("variant") in (
        "complete_workflow_execution",
        "fail_workflow_execution",
        "cancel_workflow_execution",
        "continue_as_new_workflow_execution",
    )


def _forget_updates(step: Step, rejected: set[str]) -> None:
    """An update that was turned away stands in no history."""
    if not rejected:
        return
    kept = [
        job
        for job in step.activation.jobs
        if not job.HasField("do_update") or job.do_update.id not in rejected
    ]
    del step.activation.jobs[:]
    step.activation.jobs.extend(kept)
    step.commands = [
        command
        for command in step.commands
        if command.update_response.protocol_instance_id not in rejected
    ]


def _shown(commands: Sequence[WorkflowCommand]) -> str:
    return str([MessageToDict(command) for command in commands])


def _info(workflow_type: str, workflow_id: str, now: Any) -> Info:
    return Info(
        attempt=1,
        continued_run_id=None,
        cron_schedule=None,
        execution_timeout=None,
        first_execution_run_id="run",
        headers={},
        namespace="simulation",
        original_execution_run_id="run",
        parent=None,
        root=None,
        priority=Priority.default,
        raw_memo={},
        retry_policy=None,
        run_id="run",
        run_timeout=None,
        search_attributes={},
        start_time=now,
        workflow_start_time=now,
        task_queue="outreach",
        task_timeout=timedelta(seconds=10),
        typed_search_attributes=TypedSearchAttributes([]),
        workflow_id=workflow_id,
        workflow_type=workflow_type,
    )
