"""What plays Temporal: starts workflows, brings them signals, updates and cancels."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

from temporalio.workflow._definition import _Definition

from madan_sara.workflows.campaign import CampaignWorkflow
from madan_sara.workflows.outreach import OutreachWorkflow
from tests.simulation import activations
from tests.simulation.activity_run import Registered
from tests.simulation.execution import Execution

if TYPE_CHECKING:
    from tests.simulation.checks import Checks
    from tests.simulation.life import Life

_OUTREACH: Final = _Definition.must_from_class(OutreachWorkflow)
_CAMPAIGN: Final = _Definition.must_from_class(CampaignWorkflow)

#: How long an event, or a task, is on its way: mostly no time.
_DELAYS: Final = (0.002, 0.05, 0.5, 2.0, 7.0)

#: How long machines are suspended: once in so many steps beside a workflow for each length.
_STANDSTILL: Final = (60.0, 20_000.0, 100_000.0)
_STANDSTILLS: Final = 1_500

#: One task in so many is followed by an eviction: fewer where a replay is long.
_EVICTED: Final = 10
_LONG: Final = 40
#: A campaign looks often at first in each run: not too many runs.
_CONTINUED: Final = 120


class Server:
    """Workflows that run, and how their tasks and activities reach workers.

    Args:
        life: what they are part of.
        checks: what must hold after each task.
    """

    def __init__(self, life: "Life", checks: "Checks") -> None:
        self.loop = life.loop
        self.checks = checks
        #: The activities of each worker; set once they are built, as they start workflows.
        self.workers: Sequence[Mapping[str, Registered]] = ()
        self.running: dict[str, Execution] = {}
        self.ended: list[Execution] = []
        self._life = life
        self._draws = life.draws
        self._updates = 0

    # Workflows

    def start(self, definition: _Definition, workflow_id: str, argument: object) -> bool:
        """Start a workflow; False where one of that id runs already."""
        if workflow_id in self.running:
            return False
        payload = activations.payload_of(argument)
        self.running[workflow_id] = Execution(self, definition, workflow_id, payload)
        return True

    def start_outreach(self, workflow_id: str, argument: object) -> bool:
        """Start an outreach."""
        return self.start(_OUTREACH, workflow_id, argument)

    def start_campaign(self, workflow_id: str, argument: object) -> bool:
        """Start a campaign."""
        return self.start(_CAMPAIGN, workflow_id, argument)

    def signal(self, workflow_id: str, name: str, *arguments: object) -> None:
        """Send a signal; nothing where no such workflow runs."""
        if (execution := self.running.get(workflow_id)) is not None:
            payloads = [activations.payload_of(argument) for argument in arguments]
            execution.deliver(activations.signal(name, payloads))

    def update(self, workflow_id: str, name: str, *arguments: object) -> None:
        """Ask for an update; nothing where no such workflow runs."""
        if (execution := self.running.get(workflow_id)) is not None:
            self._updates += 1
            payloads = [activations.payload_of(argument) for argument in arguments]
            execution.deliver(activations.update(f"{name}-{self._updates}", name, payloads))

    def cancel(self, workflow_id: str, reason: str = "") -> None:
        """Ask a workflow to end; nothing where none runs, or it was asked before, as Temporal."""
        execution = self.running.get(workflow_id)
        if execution is not None and not execution.is_cancel_requested:
            execution.is_cancel_requested = True
            execution.deliver(activations.cancel(reason))

    def workflow_closed(self, execution: Execution) -> None:
        """A run has ended; perhaps the next one of its workflow begins."""
        command = execution.closed
        assert command is not None
        del self.running[execution.workflow_id]
        self.ended.append(execution)
        if command.HasField("continue_as_new_workflow_execution"):
            (argument,) = command.continue_as_new_workflow_execution.arguments
            self.tell("%s continues as new", execution.name)
            self.running[execution.workflow_id] = Execution(
                self, execution.definition, execution.workflow_id, argument
            )
            return
        self.tell("%s closes", execution.name)
        self._life.workflow_closed(execution)

    def answer(self, update: str, answer: str) -> None:
        """An update has its answer."""
        self.tell("%s: %s", update, answer)

    # What befalls them

    def delay(self) -> float:
        """Seconds until something gets where it is sent to."""
        return self._draws.rarely(20, _DELAYS) or 0.0

    def any_worker(self) -> Mapping[str, Registered]:
        """The worker that takes an activity from a queue."""
        return self.workers[self._draws.one_in(2)]

    def may_stand_still(self) -> None:
        """Suspend every machine for a while, now and then."""
        if seconds := self._draws.rarely(_STANDSTILLS, _STANDSTILL):
            self.tell("everything stands still for %s s", seconds)
            self.loop.jump(seconds)

    def loses_task(self) -> bool:
        """Whether a worker dies with an answer in its hands."""
        return self._draws.one_in(50)

    def evicts(self, execution: Execution) -> bool:
        """Whether a worker forgets a workflow, so that its next task replays all of it."""
        return self._draws.one_in(_EVICTED if len(execution.history) < _LONG else _LONG)

    def suggests_new_run(self, execution: Execution) -> bool:
        """Whether a history counts as long."""
        return execution.definition is _CAMPAIGN and self._draws.one_in(_CONTINUED)

    # Telling

    def name_of(self, workflow_id: str) -> str:
        """What a workflow is called in a story."""
        return self._life.name_of(workflow_id)

    def tell(self, words: str, *values: Any) -> None:
        """Add a line to the story."""
        self._life.tell(words, *values)

    def fail(self, checker: str, what: str) -> NoReturn:
        """End the life: a rule was broken."""
        self._life.fail(checker, what)
