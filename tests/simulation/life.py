"""One simulated life: its cast, what befalls it, and how it is run to its end."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn
from uuid import UUID

from madan_sara.activities.budget import BudgetManager
from madan_sara.activities.call_rates import CallRate
from madan_sara.activities.campaign import CampaignManager
from madan_sara.activities.closer import OutreachCloser
from madan_sara.activities.decider import OutreachDecider
from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.delivery import MessageDelivery
from madan_sara.activities.dispatcher import CampaignDispatcher
from madan_sara.activities.own_campaign import EVERY_TENANT
from madan_sara.activities.router import ChannelRouter
from madan_sara.activities.scheduler import SendTimeScheduler
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import DeliveryEvent, DeliveryEventKind, DeliveryEventSignal
from madan_sara.contracts.naming import outreach_workflow_id
from madan_sara.worker.components import CampaignComponents, Components
from tests.simulation import people
from tests.simulation.activity_run import Registered, registered
from tests.simulation.checks import Checks
from tests.simulation.clock import NothingLeftError, VirtualLoop
from tests.simulation.draws import Draws
from tests.simulation.errors import Violation
from tests.simulation.execution import Execution
from tests.simulation.network import Network
from tests.simulation.provider import SimulatedProvider, Taking
from tests.simulation.scenario import Scenario
from tests.simulation.server import Server
from tests.simulation.starter import SimulatedStarter
from tests.simulation.stores.attempts import MemoryAttempts
from tests.simulation.stores.call_rates import MemoryCallRates
from tests.simulation.stores.campaigns import MemoryCampaigns
from tests.simulation.stores.claims import MemoryClaims
from tests.simulation.stores.ledger import MemoryLedger
from tests.simulation.stores.provider_accounts import MemoryProviderAccounts
from tests.simulation.stores.receipts import receive
from tests.simulation.stores.requests import MemoryRequests
from tests.simulation.tables import MessageRow, Tables

#: Longer than any wait there is: patience of days, a campaign's end, receipts.
_LONGEST_LIFE: Final = timedelta(days=60).total_seconds()
#: More than the longest of ordinary lives has: it goes round in a circle.
_MOST_STEPS: Final = 12_000
_CHANNELS: Final = (Channel.EMAIL, Channel.SMS, Channel.CHAT)


class Life:
    """A handful of outreaches, and everything around them.

    Args:
        draws: what decides.
        teller: is told what happens, in words; None: no story is told.
    """

    def __init__(self, draws: Draws, teller: Callable[[str], None] | None = None) -> None:
        self.draws = draws
        self.loop = VirtualLoop(people.draw_start(draws))
        self.tables = Tables()
        self.checks = Checks(self)
        self.network = Network(self)
        self.server = Server(self, self.checks)
        self._teller = teller
        #: Moments that a command can be given at: each statement and each call.
        self.steps = 0
        self._violation: Violation | None = None
        self._over = self.loop.create_future()
        self.loop.set_exception_handler(self._crash)
        self._to_do: dict[int, list[Callable[[], None]]] = {}
        #: Held while an operator changes a campaign.
        self.operating = asyncio.Lock()
        self._when_due: list[tuple[Callable[[], None], float]] = []
        self._still_to_come = 0
        self._reports = 0
        self.providers = {
            channel: SimulatedProvider(self, channel, people.draw_capabilities(draws))
            for channel in _CHANNELS
        }
        self._accounts = MemoryProviderAccounts(self.network)
        self.scenario = Scenario(self)
        #: Calls a second, of the channels that have a limit.
        self.limits = {
            channel: rate for channel in _CHANNELS if (rate := people.draw_rate(draws)) is not None
        }
        self.campaigns = MemoryCampaigns(self.tables, self._accounts, self.network)
        self.server.workers = self._workers()

    def _workers(self) -> Sequence[Mapping[str, Registered]]:
        """Two, which have only the deliveries that are under way for themselves."""
        tables, network = self.tables, self.network
        claims = MemoryClaims(tables, network, self.checks.claim_granted)
        requests = MemoryRequests(tables, network)
        deduplicator = MessageDeduplicator(claims, tenants=EVERY_TENANT)
        router = ChannelRouter(dict.fromkeys(self.providers), tenants=EVERY_TENANT)
        scheduler = SendTimeScheduler(requests, requests, tenants=EVERY_TENANT)
        budget = BudgetManager(MemoryLedger(tables, network), tenants=EVERY_TENANT)
        accounts = self._accounts
        attempts = MemoryAttempts(tables, accounts, network)
        rates = self._rates()
        delivery, other = (
            MessageDelivery(attempts, accounts, self.providers, rates=rates) for _ in range(2)
        )
        components = Components(
            decider=OutreachDecider(deduplicator, router, scheduler, budget),
            deduplicator=deduplicator,
            scheduler=scheduler,
            budget=budget,
            delivery=delivery,
            closer=OutreachCloser(requests),
        )
        starter = SimulatedStarter(self)
        campaigns = CampaignComponents(
            manager=CampaignManager(self.campaigns, starter),
            dispatcher=CampaignDispatcher(self.campaigns, starter),
        )
        first = registered([*components.steps(), delivery.deliver, *campaigns.steps()])
        deliveries = registered([other.deliver_at_once, other.deliver, other.resolve_attempt])
        return first, {**first, **deliveries}

    def _rates(self) -> dict[Channel, CallRate]:
        rates = MemoryCallRates(self)
        return {
            channel: CallRate(rates, self.providers[channel].account, per_second)
            for channel, per_second in self.limits.items()
        }

    # How it goes

    def live(self) -> None:
        """Live to the end.

        Raises:
            Violation: a rule was broken.
        """
        try:
            self.loop.run_until_complete(self._live())
        finally:
            self._let_go()
        if self._violation is not None:
            raise self._violation

    async def _live(self) -> None:
        self.loop.call_later(_LONGEST_LIFE, self._too_long)
        self.scenario.begin()
        try:
            await self._over
        except NothingLeftError:
            self._too_long()
        if self._violation is None:
            self.checks.at_the_end()

    def _let_go(self) -> None:
        """End what hangs or sleeps, so that nothing is left of it."""
        for execution in list(self.server.running.values()):
            asyncio._set_running_loop(self.loop)
            try:
                execution.forget()
            finally:
                asyncio._set_running_loop(None)
        for task in self.loop.tasks:
            task.cancel()
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()
        self.loop.close()

    def _too_long(self) -> None:
        names = ", ".join(execution.name for execution in self.server.running.values())
        self._note(
            Violation("every_outreach_ends", f"{names} did not, for two months or many steps")
        )

    def _crash(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Something beside all workflows and activities has failed; a lost task is none."""
        error = context.get("exception")
        if "handle" in context and not isinstance(error, Violation):
            self._note(Violation("nothing_fails_unforeseen", f"{type(error).__name__}: {error}"))

    def _note(self, violation: Violation) -> None:
        self._violation = self._violation or violation
        if not self._over.done():
            self._over.set_result(None)

    def fail(self, checker: str, what: str) -> NoReturn:
        """A rule was broken: the life is over.

        Raises:
            Violation: always.
        """
        violation = Violation(checker, what)
        self._note(violation)
        raise violation

    # What happens in it

    def step(self, what: str) -> None:
        """A moment between two things: commands that wait for it are given."""
        self.steps += 1
        if self.steps > _MOST_STEPS:
            self._too_long()
        for command in self._to_do.pop(self.steps, ()):
            self._come(command)

    def at_step(self, step: int, command: Callable[[], None]) -> None:
        """Do something at a moment that is counted in steps, if there are as many."""
        self._to_do.setdefault(step, []).append(command)

    def when_due(self, command: Callable[[], None], seconds_before: float) -> None:
        """Do something at the instant for which the next plan is made, or a little before."""
        self._when_due.append((command, seconds_before))

    def planned(self, due_at: datetime | None) -> None:
        """A plan stands: what is to be done when it is due waits for that instant."""
        if self._when_due and due_at is not None:
            command, seconds_before = self._when_due.pop()
            wait = (due_at - self.now()).total_seconds() - seconds_before
            self.after(max(wait, 0.0), command)

    def after(self, seconds: float, command: Callable[[], None]) -> None:
        """Do something after a while; the life goes on until then."""
        self._still_to_come += 1
        self.loop.call_later(seconds, self._come_late, command)

    def _come(self, command: Callable[[], None]) -> None:
        if not self._over.done():
            try:
                # Not in the run that happened to be at that moment: a caller outlives it.
                Context().run(command)
            except Violation as violation:
                self._note(violation)

    def _come_late(self, command: Callable[[], None]) -> None:
        self._still_to_come -= 1
        self._come(command)
        self._end_if_all_is_over()

    def workflow_closed(self, execution: Execution) -> None:
        """A workflow has come to its end."""
        self.checks.after_close(execution)
        self._end_if_all_is_over()

    def _end_if_all_is_over(self) -> None:
        if self.server.running or self._still_to_come or self._over.done():
            return
        if not self.scenario.goes_on():
            self._over.set_result(None)

    def report_later(self, taking: Taking, kind: DeliveryEventKind, seconds: float) -> None:
        """Have a provider report what became of a message, perhaps twice."""
        self._reports += 1
        report = f"report {self._reports}"
        times = 2 if self.draws.one_in(6) else 1
        for _ in range(times):
            self.after(seconds, lambda: self._report(taking, kind, report))

    def _report(self, taking: Taking, kind: DeliveryEventKind, report: str) -> None:
        attempt_no = int(taking.key.rpartition(":")[2])
        code = "5.1.1" if kind is DeliveryEventKind.BOUNCED else None
        event = DeliveryEvent(
            provider="simulated",
            provider_event_id=report,
            message_id=taking.message_id,
            attempt_no=attempt_no,
            kind=kind,
            occurred_at=self.loop.now(),
            code=code,
        )
        self.tell("%s: %s is reported as %s", taking.channel, self._name(taking.message_id), kind)
        if not receive(self.tables, event, self.loop.now()):
            return
        self.checks.after_commit("receipt")
        signal = DeliveryEventSignal(
            attempt_no=attempt_no, kind=kind, occurred_at=event.occurred_at, code=code
        )
        workflow_id = outreach_workflow_id(people.TENANT, taking.message_id)
        self.server.signal(workflow_id, "delivery_event", signal)

    # Telling

    def tell(self, words: str, *values: Any) -> None:
        """Add a line to the story, if one is told."""
        if self._teller is not None:
            now = self.loop.now()
            self._teller(f"{now:%d %b %H:%M:%S}  {words % values}")

    def name_of(self, workflow_id: str) -> str:
        """What a workflow is called in a story: its kind, and the end of its id."""
        kind = workflow_id.partition("-")[0]
        return f"{kind} {int(workflow_id[-12:], 16)}"

    def message_of(self, execution: Execution) -> MessageRow | None:
        """The message an outreach carries; None: it is a campaign."""
        if not execution.workflow_id.startswith("outreach"):
            return None
        return self.tables.messages[UUID(execution.workflow_id[-36:])]

    def _name(self, message_id: UUID) -> str:
        return f"outreach {message_id.int}"

    def now(self) -> datetime:
        """The instant it is."""
        return self.loop.now()


def live(seed: int, recorded: Sequence[int] | None = None) -> Sequence[int]:
    """Live one life to its end.

    Args:
        seed: what it is drawn from.
        recorded: choices to make instead of drawing them.

    Returns:
        The choices that were made.

    Raises:
        Violation: a rule was broken.
    """
    draws = Draws(seed, recorded)
    Life(draws).live()
    return draws.taken
