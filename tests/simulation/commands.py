"""What callers, operators, recipients and machines do while outreaches run."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from madan_sara.activities.campaign import carry_out
from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.campaign_run import (
    LIMITS_SET,
    BudgetCommand,
    CampaignRef,
    CommandInput,
    DailyLimitCommand,
    EndDateCommand,
)
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import ConflictError, InvalidRequestError, UnreachableError
from madan_sara.contracts.naming import campaign_workflow_id, outreach_workflow_id
from madan_sara.contracts.outreach import OutreachInput, RescheduleInput
from tests.simulation.people import TENANT
from tests.simulation.stores import suppressions
from tests.simulation.tables import CampaignRow, MessageRow

if TYPE_CHECKING:
    from tests.simulation.life import Life

#: Given a life, a number that chooses whom it concerns, and one that chooses the rest.
Command = Callable[["Life", int, int], None]

#: A caller that does not get through tries again.
_PATIENCE: Final = 5.0
_SOON: Final = (60.0, 5.0, 7_200.0, 90_000.0)


def _message(life: "Life", number: int) -> MessageRow | None:
    messages = list(life.tables.messages.values())
    return messages[number % len(messages)] if messages else None


def _campaign(life: "Life", number: int) -> CampaignRow:
    campaigns = list(life.tables.campaigns.values())
    return campaigns[number % len(campaigns)]


# To an outreach


def cancel(life: "Life", number: int, detail: int) -> None:
    """Cancel a message."""
    if (message := _message(life, number)) is not None:
        life.tell("a caller cancels outreach %s", message.message_id.int)
        life.server.cancel(_id_of(message))


def reschedule(life: "Life", number: int, detail: int) -> None:
    """Move a message to another time."""
    if (message := _message(life, number)) is not None:
        at = life.now() + timedelta(seconds=_SOON[detail])
        life.tell("a caller moves outreach %s to %s", message.message_id.int, at)
        life.server.update(_id_of(message), "reschedule", RescheduleInput(at=at))


def fall_back(life: "Life", number: int, detail: int) -> None:
    """Give a message's channel up."""
    if (message := _message(life, number)) is not None:
        life.tell("a caller has outreach %s fall back", message.message_id.int)
        life.server.update(_id_of(message), "fall_back")


def resume_bounced(life: "Life", number: int, detail: int) -> None:
    """Carry a message that has ended on, on another channel."""
    message = _message(life, number)
    if message is None or message.routing is None or _id_of(message) in life.server.running:
        return
    life.tell("a caller has outreach %s taken up again", message.message_id.int)
    life.server.start_outreach(_id_of(message), OutreachInput(ref=message.ref, resume=True))
    life.server.update(_id_of(message), "decision")


def suppress_person(life: "Life", number: int, detail: int) -> None:
    """A person asks not to be contacted: on a channel, or on any."""
    if (message := _message(life, number)) is not None:
        channel = (None, Channel.EMAIL, Channel.CHAT, Channel.SMS)[detail]
        life.tell("%s is suppressed on %s", message.recipient_id, channel or "any channel")
        suppressions.suppress_person(
            life.tables, message.recipient_id, channel, "asked", life.now()
        )


def _id_of(message: MessageRow) -> str:
    return outreach_workflow_id(TENANT, message.message_id)


# To a campaign


def pause(life: "Life", number: int, detail: int) -> None:
    """Pause a campaign, and resume it some time later."""
    row = _campaign(life, number)
    _set(life, row, "paused", by_signal=detail % 2 == 1, status=CampaignStatus.PAUSED)
    life.after(_SOON[detail], lambda: resume(life, number, detail))


def resume(life: "Life", number: int, detail: int) -> None:
    """Have a campaign go on."""
    row = _campaign(life, number)
    _set(life, row, "resumed", by_signal=detail % 2 == 1, status=CampaignStatus.ACTIVE)


def cancel_campaign(life: "Life", number: int, detail: int) -> None:
    """Cancel a campaign."""
    row = _campaign(life, number)
    _set(life, row, "cancelled", by_signal=detail % 2 == 1, status=CampaignStatus.CANCELLED)


def set_daily_limit(life: "Life", number: int, detail: int) -> None:
    """Allow a campaign so many messages a day; none, for a day and a bit."""
    _limit(life, number, "set_daily_limit", DailyLimitCommand(daily_limit=detail))
    if detail == 0:
        life.after(100_000.0, lambda: set_daily_limit(life, number, 3))


def set_budget(life: "Life", number: int, detail: int) -> None:
    """Allow a campaign so much money."""
    amount = (Decimal(1), Decimal("0.01"), Decimal("0.002"), Decimal(0))[detail]
    _limit(life, number, "set_budget", BudgetCommand(budget_total=amount))


def extend_end(life: "Life", number: int, detail: int) -> None:
    """End a campaign later."""
    end: datetime = life.now() + timedelta(hours=(30, 3, 300, 1)[detail])
    _limit(life, number, "extend_end_date", EndDateCommand(end_date=end))


def look_again(life: "Life", number: int, detail: int) -> None:
    """Have a campaign's workflow look again."""
    life.server.signal(_workflow_of(_campaign(life, number)), "campaign_changed")


_SIGNALS: Final = {"paused": "pause", "resumed": "resume", "cancelled": "cancel"}


def _set(
    life: "Life", row: CampaignRow, kind: str, *, by_signal: bool, status: CampaignStatus
) -> None:
    """Change a campaign's status, through its workflow or in the database."""
    life.tell("campaign %s is %s", row.campaign.id.int, kind)
    if by_signal and _workflow_of(row) in life.server.running:
        life.server.signal(_workflow_of(row), _SIGNALS[kind])
    else:
        _command(life, row, kind, status=status)


def _limit(life: "Life", number: int, update: str, command: Any) -> None:
    row = _campaign(life, number)
    life.tell("campaign %s: %s %s", row.campaign.id.int, update, command)
    if _workflow_of(row) in life.server.running:
        life.server.update(_workflow_of(row), update, command)
    else:
        _command(life, row, LIMITS_SET, **dict(command))


def _command(life: "Life", row: CampaignRow, kind: str, **changes: Any) -> None:
    """Change a campaign in the database, then tell its workflow, as the client library does."""
    ref = CampaignRef(tenant_id=TENANT, campaign_id=row.campaign.id)
    command = CommandInput(ref=ref, now=life.now(), kind=kind, **changes)

    async def change() -> None:
        # One after the other: an operator who waits for an answer gives no other command.
        async with life.operating:
            with suppress(InvalidRequestError, ConflictError):
                await _until_it_reaches(lambda: carry_out(life.campaigns, command))
        life.server.signal(_workflow_of(row), "campaign_changed")

    life.loop.create_task(change())


async def _until_it_reaches(command: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Give a command until it gets to the database, and its answer back."""
    while True:
        try:
            await command()
        except UnreachableError:
            await asyncio.sleep(_PATIENCE)
        else:
            return


def _workflow_of(row: CampaignRow) -> str:
    return campaign_workflow_id(TENANT, row.campaign.id)


# To everything


def lose_database(life: "Life", number: int, detail: int) -> None:
    """The database is away for some time."""
    seconds = (30.0, 90.0, 700.0, 4_000.0)[detail]
    life.tell("the database is away for %s s", seconds)
    life.network.away_until = life.loop.time() + seconds


def jump_clock(life: "Life", number: int, detail: int) -> None:
    """Every machine is suspended for a while: what was due meanwhile is due at once."""
    seconds = (60.0, 4_000.0, 30_000.0, 100_000.0)[detail]
    life.tell("everything stands still for %s s", seconds)
    life.loop.jump(seconds)


def forget_workflows(life: "Life", number: int, detail: int) -> None:
    """Every worker is restarted: no workflow is in memory any more."""
    life.tell("every worker is restarted")
    for execution in list(life.server.running.values()):
        execution.worker_restarted()


OUTREACH_COMMANDS: Final[tuple[Command, ...]] = (
    cancel,
    reschedule,
    fall_back,
    resume_bounced,
    suppress_person,
)
CAMPAIGN_COMMANDS: Final[tuple[Command, ...]] = (
    pause,
    cancel_campaign,
    set_daily_limit,
    set_budget,
    extend_end,
    look_again,
)
WORLD_EVENTS: Final[tuple[Command, ...]] = (lose_database, jump_clock, forget_workflows)
