"""Who is written to in a life, and what callers and operators do meanwhile."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from madan_sara.contracts.campaign_run import CampaignInput, CampaignRef
from madan_sara.contracts.naming import campaign_workflow_id, outreach_workflow_id
from madan_sara.contracts.outreach import MessageRef, OutreachInput, OutreachState
from madan_sara.policy.addresses import addresses_of
from tests.simulation import people
from tests.simulation.commands import CAMPAIGN_COMMANDS, OUTREACH_COMMANDS, WORLD_EVENTS
from tests.simulation.stores.ledger import campaign_accounts
from tests.simulation.tables import CampaignRow, MessageRow

if TYPE_CHECKING:
    from tests.simulation.life import Life

#: Single messages of a caller, by how many; a campaign has its own.
_SINGLES: Final = (1, 1, 1, 1, 1, 1, 1, 2, 2, 3)
_RECIPIENTS: Final = (2, 3, 4)
#: How many commands are given.
_COMMANDS: Final = (0, 0, 1, 1, 1, 2, 3)
#: When: at a moment of the first so many, or after so many seconds.
_FIRST_STEPS: Final = 24
_WHEN_DUE: Final = 8
_BEFORE_DUE: Final = (0.0, 0.0, 5.0, 9.0)
_AFTER: Final = (0.0, 1.0, 60.0, 1_800.0, 7_200.0, 40_000.0, 100_000.0)
#: One life in so many has a campaign with a workflow of its own.
_WITH_CAMPAIGN: Final = 40
_PATIENT: Final = 25
#: Between two requests of a caller.
_APART: Final = (0.0, 0.0, 1.0, 3_600.0, 90_000.0)


class Scenario:
    """The cast of one life.

    Args:
        life: whose draws decide.
    """

    def __init__(self, life: "Life") -> None:
        self._life = life
        self._draws = life.draws
        self._goes_on = 1
        self.has_campaign = self._draws.one_in(_WITH_CAMPAIGN)

    def begin(self) -> None:
        """Send the first requests, and set the commands up."""
        if self.has_campaign:
            self._begin_campaign()
        else:
            self._begin_singles()
        for _ in range(self._draws.pick(_COMMANDS)):
            self._plan_command()

    def goes_on(self) -> bool:
        """Whether something new happens although everything has ended."""
        return False

    # The cast

    def _begin_singles(self) -> None:
        count = self._draws.pick(_SINGLES)
        campaigns = [self._add_campaign(0)]
        if count > 1 and self._draws.one_in(2):
            campaigns.append(self._add_campaign(1))
        seconds = 0.0
        for number in range(count):
            campaign_id = campaigns[number % len(campaigns)]
            self._life.after(seconds, self._sending(number + 1, campaign_id))
            seconds += self._draws.pick(_APART)

    def _begin_campaign(self) -> None:
        campaign_id = self._add_campaign(0)
        row = self._life.tables.campaigns[campaign_id]
        for number in range(self._draws.pick(_RECIPIENTS)):
            message = self._add_message(number + 1, campaign_id, OutreachState.QUEUED)
            row.queue.add(message.message_id)
        ref = CampaignRef(tenant_id=people.TENANT, campaign_id=campaign_id)
        workflow_id = campaign_workflow_id(people.TENANT, campaign_id)
        self._life.server.start_campaign(workflow_id, CampaignInput(ref=ref))

    def _sending(self, number: int, campaign_id: UUID) -> Callable[[], None]:
        def send() -> None:
            message = self._add_message(number, campaign_id, OutreachState.DECIDING)
            self._life.tell("a caller sends outreach %s", number)
            workflow_id = outreach_workflow_id(people.TENANT, message.message_id)
            self._life.server.start_outreach(workflow_id, OutreachInput(ref=message.ref))
            if self._draws.one_in(3):
                self._life.server.update(workflow_id, "decision")

        return send

    def _add_campaign(self, position: int) -> UUID:
        now = self._life.now()
        # A campaign with a workflow looks again and again while it waits: mostly not for days.
        is_prompt = self.has_campaign and not self._draws.one_in(_PATIENT)
        campaign = people.draw_campaign(self._draws, position, now, is_prompt=is_prompt)
        tables = self._life.tables
        tables.campaigns[campaign.id] = CampaignRow(campaign, now - timedelta(days=1))
        tables.accounts.update(campaign_accounts(campaign))
        return campaign.id

    def _add_message(self, number: int, campaign_id: UUID, state: OutreachState) -> MessageRow:
        person = people.draw_person(self._draws)
        message = MessageRow(
            ref=MessageRef(tenant_id=people.TENANT, message_id=UUID(int=number)),
            campaign_id=campaign_id,
            recipient_id=person.recipient_id,
            rendered=people.draw_wording(self._draws, person),
            addresses=addresses_of(person.profile.contact_info),
            force_send=self._draws.one_in(8),
            state=state,
        )
        self._life.tables.messages[message.message_id] = message
        return message

    # What is done to it

    def _plan_command(self) -> None:
        kind = self._draws.below(8)
        commands = OUTREACH_COMMANDS
        if kind >= 4:
            commands = CAMPAIGN_COMMANDS
        if kind == 7:
            commands = WORLD_EVENTS
        chosen = self._draws.pick(commands)
        number, detail = self._draws.below(4), self._draws.below(4)

        def give() -> None:
            chosen(self._life, number, detail)

        when = self._draws.below(_FIRST_STEPS + 2 * len(_AFTER) + _WHEN_DUE)
        if when < _FIRST_STEPS:
            self._life.at_step(when + 1, give)
        elif when < _FIRST_STEPS + 2 * len(_AFTER):
            self._life.after(_AFTER[(when - _FIRST_STEPS) // 2], give)
        else:
            self._life.when_due(give, self._draws.pick(_BEFORE_DUE))
