"""Campaigns, people and their messages: small casts, drawn from a catalogue."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from madan_sara.activities.sender import SenderCapabilities
from madan_sara.contracts.campaign import Campaign, ChannelBudget, OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.contracts.settings import AmbiguityPolicy, OrchestratorSettings, QuietHours
from madan_sara.policy.templates import RenderedMessages
from tests.simulation.draws import Draws

TENANT: Final = UUID("00000000-0000-4000-8000-0000000000aa")

#: An ordinary morning; an evening just before quiet hours; the nights in which the clocks of New
#: York go forward and back; the last evening of a year.
_STARTS: Final = (
    datetime(2024, 3, 5, 15, 0, tzinfo=UTC),
    datetime(2024, 3, 6, 1, 58, tzinfo=UTC),
    datetime(2024, 3, 10, 6, 30, tzinfo=UTC),
    datetime(2024, 11, 3, 5, 30, tzinfo=UTC),
    datetime(2024, 12, 31, 23, 50, tzinfo=UTC),
)
_CHANNELS: Final = (
    (Channel.EMAIL,),
    (Channel.EMAIL, Channel.CHAT),
    (Channel.SMS, Channel.EMAIL, Channel.CHAT),
    (Channel.CHAT, Channel.SMS),
)
_BUDGETS: Final = (None, Decimal("0.004"), Decimal("0.02"))
_ENDS: Final = (None, None, timedelta(days=1), timedelta(days=3), timedelta(hours=3))
_BEGINS: Final = (-timedelta(hours=1), -timedelta(hours=1), timedelta(hours=2))
_RECEIPT_WAITS: Final = (0, 30, 1_440)
_QUIET: Final = (None, None, QuietHours(), QuietHours(start=time(12), end=time(11)))
_TEXTS: Final = (
    "Bonjou {{ name }}!",
    "The market opens on Saturday at nine, and there is bread for early birds.",
)
_MAILBOXES: Final = ("marie@example.com", "jane@example.com")
_NUMBERS: Final = ("+50937001234", "+50937005678")

#: A shorter call than most: a run sends a heartbeat every few seconds of it.
_CALL: Final = timedelta(seconds=30)
#: What providers can do: nothing, honour keys, tell what became of a key.
_CAPABILITIES: Final = (
    SenderCapabilities(longest_call=_CALL),
    SenderCapabilities(longest_call=_CALL, idempotency_keys=True),
    SenderCapabilities(longest_call=_CALL, look_up=True),
    SenderCapabilities(longest_call=_CALL, look_up=True, idempotency_keys=True),
)


#: Calls a second of an account; so few that a handful of outreaches has to wait.
_RATES: Final = (0.5, 0.01, 0.0005)
_LIMITED: Final = 20


class _Rules(NamedTuple):
    """What a campaign's settings are made of."""

    quiet_hours: int
    day_cap: int
    receipt_wait: int
    resends: bool
    hurries: bool
    near_duplicates: bool


def draw_start(draws: Draws) -> datetime:
    """When a life begins."""
    return draws.pick(_STARTS)


def draw_capabilities(draws: Draws) -> SenderCapabilities:
    """What a provider can do."""
    return draws.pick(_CAPABILITIES)


def draw_rate(draws: Draws) -> float | None:
    """How many calls a second an account may have; None: it has no limit."""
    return draws.rarely(_LIMITED, _RATES)


def draw_campaign(draws: Draws, position: int, now: datetime, *, is_prompt: bool) -> Campaign:
    """A campaign that has begun, or is about to.

    Args:
        draws: what decides.
        position: which one of the life's campaigns it is.
        now: when the life begins.
        is_prompt: whether it sends at once, and hears soon of what became of it.
    """
    rules = _Rules(
        quiet_hours=0 if is_prompt else draws.below(len(_QUIET)),
        day_cap=1 + draws.below(3),
        receipt_wait=draws.pick(_RECEIPT_WAITS[:2] if is_prompt else _RECEIPT_WAITS),
        resends=draws.one_in(4),
        hurries=draws.one_in(4),
        near_duplicates=draws.one_in(3),
    )
    campaign = _campaign(
        position,
        draws.pick(_CHANNELS),
        rules,
        draws.pick((None, "America/New_York")),
        draws.pick(_BUDGETS),
        channel_budget=draws.one_in(6),
        daily_limit=draws.pick((None, 2, 1)),
        auto_pacing=draws.one_in(8),
        optimises=not (is_prompt or draws.one_in(3)),
    )
    lasts = draws.pick(_ENDS)
    begins = now + draws.pick(_BEGINS)
    end = None if lasts is None else now + lasts
    return campaign.model_copy(update={"start_date": begins, "end_date": end})


@cache
def _settings(rules: _Rules) -> OrchestratorSettings:
    again = AmbiguityPolicy.AT_LEAST_ONCE
    return OrchestratorSettings(
        quiet_hours=_QUIET[rules.quiet_hours],
        max_messages_per_day=rules.day_cap,
        receipt_wait_minutes=rules.receipt_wait,
        ambiguous_delivery={Channel.EMAIL: again, Channel.SMS: again} if rules.resends else {},
        fallback_after_minutes=10 if rules.hurries else None,
        patience_minutes={Channel.SMS: 5} if rules.hurries else {},
        near_duplicate_days=7 if rules.near_duplicates else 0,
    )


@lru_cache(maxsize=4_096)
def _campaign(
    position: int,
    channels: tuple[Channel, ...],
    rules: _Rules,
    zone: str | None,
    budget: Decimal | None,
    *,
    channel_budget: bool,
    daily_limit: int | None,
    auto_pacing: bool,
    optimises: bool,
) -> Campaign:
    first = {channels[0]: ChannelBudget(total=Decimal("0.001"))}
    return OutreachCampaign(
        id=UUID(int=position + 1),
        tenant_uuid=TENANT,
        name=f"campaign {position + 1}",
        channels=list(channels),
        timezone=zone,
        budget_total=budget,
        budget_per_channel=first if channel_budget else None,
        daily_limit=daily_limit,
        auto_pacing=auto_pacing,
        send_time_optimization=optimises,
        settings=_settings(rules),
        start_date=_STARTS[0],
    ).resolved()


@dataclass(frozen=True, eq=False)
class Person:
    """A person to write to."""

    recipient_id: str
    profile: RecipientProfile


def draw_person(draws: Draws) -> Person:
    """A person with some addresses; two ids may share a mailbox or a number."""
    return _person(
        draws.below(3), draws.below(2), draws.below(8), zone=draws.pick((None, "Europe/Paris"))
    )


@cache
def _person(number: int, address: int, lacks: int, *, zone: str | None) -> Person:
    contact = {
        "email": _MAILBOXES[address],
        "phone": _NUMBERS[address],
        "user_id": f"user-{number}",
    }
    for position, field in enumerate(("email", "phone")):
        if lacks == position + 6:
            del contact[field]
    profile = RecipientProfile.model_validate(
        {"name": "Marie", "contact_info": contact, "timezone": zone}
    )
    return Person(f"person {number + 1}", profile)


def draw_wording(draws: Draws, person: Person) -> RenderedMessages:
    """What one of them is told."""
    return _wording(draws.pick(_TEXTS), person)


@cache
def _wording(text: str, person: Person) -> RenderedMessages:
    return RenderedMessages(MessageContent({"default": text}), person.profile)
