"""The answer to `get_orchestration_status`: the guide's figures, and some more."""

from datetime import datetime
from typing import Final

from typing_extensions import TypedDict

from madan_sara.activities.budget import campaign_pacing
from madan_sara.contracts.campaign import FINAL_STATUSES
from madan_sara.contracts.delivery import DeliveryEventKind
from madan_sara.contracts.instants import in_utc
from madan_sara.contracts.money import from_micros, percent
from madan_sara.contracts.outreach import Details, ExitReason, OutreachState
from madan_sara.contracts.words.waits import CAMPAIGN_WAITS, explain_waits, to_be_started
from madan_sara.persistence.campaign_status import CampaignSnapshot
from madan_sara.policy.budget import AccountScope
from madan_sara.policy.campaign_progress import CampaignFacts, can_start
from madan_sara.policy.forecast import Prospects, prospects, rate_per_minute
from madan_sara.policy.pacing import self_paced
from madan_sara.policy.tallies import TallyKind

_DELIVERED: Final = DeliveryEventKind.DELIVERED
_OPENED: Final = DeliveryEventKind.OPENED
_CLICKED: Final = DeliveryEventKind.CLICKED


class BudgetStatus(TypedDict):
    """A campaign's money, in its currency; without a total budget, the shares of it are None."""

    budget_total: float | None
    budget_spent: float
    budget_held: float
    budget_remaining: float | None
    budget_utilization_pct: float | None


class DailyLimitStatus(TypedDict):
    """A campaign's messages of a day, as it counts them to start recipients."""

    #: Whether it would start a recipient now: it is active and begun, and has money and room.
    can_send: bool
    #: Held or sent on its present day.
    messages_sent_today: int
    daily_limit: int | None
    #: The campaign's `messages_a_day` without those ahead (`messages_ahead`).
    remaining_today: int | None


class PacingStatus(TypedDict):
    """Whether a campaign spends as its time passes."""

    recommendation: str
    ideal_spend_pct: float | None
    actual_spend_pct: float
    suggested_daily_messages: int | None


class Outcomes(TypedDict):
    """Messages with an outcome; those that failed or were blocked by reason."""

    sent: int
    unknown: int
    failed: dict[str, int]
    cancelled: int
    blocked: dict[str, int]


class ChannelStatus(TypedDict):
    """The counts of one channel."""

    sent: int
    unknown: int
    delivered: int
    opened: int
    clicked: int
    spent: float


class ChannelWaitStatus(TypedDict):
    """Messages that are due and wait for their channel."""

    channel: str
    #: The account that is out of service; None: the provider puts their recipients off, or they
    #: wait for their turn.
    account: str | None
    code: str
    since: str
    messages: int
    #: The same in words.
    explanation: str


class NotReached(TypedDict):
    """Messages that will not be sent, by the forecast."""

    messages: int
    #: How many by the reason for which they will be `blocked`.
    reasons: dict[str, int]
    #: The same in words.
    explanation: str


class EventStatus(TypedDict):
    """A noted event of the campaign as a whole."""

    occurred_at: str
    kind: str
    details: Details


class CampaignStatusResult(TypedDict):
    """Answer to `get_orchestration_status`; instants and ids are strings."""

    campaign_id: str
    campaign_name: str
    campaign_status: str
    #: Whether its imported recipients were ever started; single messages need no start.
    is_started: bool
    budget: BudgetStatus
    daily_limit: DailyLimitStatus
    #: Held or sent on its present day and later ones: together they use up one day's limit.
    messages_ahead: int
    #: Messages it may have a day: the limit, or with `auto_pacing` its own choice within the
    #: limit; None: no limit.
    messages_a_day: int | None
    pacing: PacingStatus
    total_messages: int
    total_sent: int
    total_unknown: int
    total_delivered: int
    total_opened: int
    total_clicked: int
    by_state: dict[str, int]
    by_outcome: Outcomes
    by_channel: dict[str, ChannelStatus]
    #: Messages sent a minute, lately; None: none were. See `policy/forecast.py`.
    rate_per_minute: float | None
    #: None: it is unknown, or the campaign waits to be started.
    expected_finish_at: str | None
    #: None: all will be sent, or the campaign waits to be started.
    not_reached: NotReached | None
    #: The wait of its workflow, and until when; None: it does not wait, no workflow runs, or
    #: (the instant) it only looks again soon.
    waits_for: str | None
    #: The same in words, after "waits for"; also of a campaign that was never started.
    wait_explanation: str | None
    next_wake_at: str | None
    #: Waits of due messages: for a provider that is away, or one that puts a recipient off.
    channel_waits: list[ChannelWaitStatus]
    #: The last few, the newest first.
    last_events: list[EventStatus]


def campaign_status(snapshot: CampaignSnapshot, now: datetime) -> CampaignStatusResult:
    """A campaign's status, in the guide's shape.

    Args:
        snapshot: its stored state.
        now: the instant of the snapshot.
    """
    tallies = snapshot.tallies
    by_state = tallies.by_state()
    rate = rate_per_minute(snapshot.recent, now)
    facts = CampaignFacts.at(
        now,
        snapshot.campaign,
        tallies,
        snapshot.accounts,
        daily_share=snapshot.daily_share,
        batch_parts=snapshot.batch_parts,
    )
    waits_for_start = not snapshot.is_started and bool(by_state.get(OutreachState.QUEUED))
    expected = Prospects() if waits_for_start else prospects(facts, rate, now)
    return CampaignStatusResult(
        campaign_id=str(snapshot.campaign.id),
        campaign_name=snapshot.campaign.name,
        campaign_status=snapshot.campaign.status.value,
        budget=_budget(snapshot),
        is_started=snapshot.is_started,
        daily_limit=_daily_limit(facts, now),
        messages_ahead=facts.messages_ahead,
        messages_a_day=facts.messages_a_day,
        pacing=_pacing(snapshot, now),
        total_messages=sum(by_state.values()),
        total_sent=by_state.get(OutreachState.SENT, 0),
        total_unknown=by_state.get(OutreachState.UNKNOWN, 0),
        total_delivered=tallies.messages(TallyKind.RECEIPT, _DELIVERED),
        total_opened=tallies.messages(TallyKind.RECEIPT, _OPENED),
        total_clicked=tallies.messages(TallyKind.RECEIPT, _CLICKED),
        by_state=by_state,
        by_outcome=_outcomes(snapshot),
        by_channel=_channels(snapshot),
        rate_per_minute=rate,
        expected_finish_at=_instant(expected.finish_at),
        not_reached=_not_reached(expected, sum(by_state.values())),
        waits_for=snapshot.wait.reason.value if snapshot.wait else None,
        wait_explanation=_wait_explanation(snapshot, waits_for_start=waits_for_start),
        next_wake_at=_instant(snapshot.wait.until if snapshot.wait else None),
        channel_waits=_channel_waits(snapshot),
        last_events=[
            EventStatus(occurred_at=in_utc(e.occurred_at), kind=e.kind, details=e.details)
            for e in snapshot.events
        ],
    )


def _channel_waits(snapshot: CampaignSnapshot) -> list[ChannelWaitStatus]:
    return [
        ChannelWaitStatus(
            channel=wait.channel.value,
            account=wait.account,
            code=wait.code,
            since=in_utc(wait.since),
            messages=wait.messages,
            explanation=explain_waits(wait),
        )
        for wait in snapshot.channel_waits
    ]


def _wait_explanation(snapshot: CampaignSnapshot, *, waits_for_start: bool) -> str | None:
    if waits_for_start and snapshot.campaign.status not in FINAL_STATUSES:
        return to_be_started(snapshot.campaign.id)
    return CAMPAIGN_WAITS[snapshot.wait.reason] if snapshot.wait else None


def _budget(snapshot: CampaignSnapshot) -> BudgetStatus:
    whole = snapshot.whole
    limit, remaining = whole.limit_micros, whole.remaining_micros
    return BudgetStatus(
        budget_total=None if limit is None else _money(limit),
        budget_spent=_money(whole.spent_micros),
        budget_held=_money(whole.held_micros),
        budget_remaining=None if remaining is None else _money(remaining),
        budget_utilization_pct=(
            None if limit is None else float(percent(whole.spent_micros, limit))
        ),
    )


def _money(micros: int) -> float:
    """An amount as JSON writes it: the number nearest to it, which shows all six decimals."""
    return float(from_micros(micros))


def _daily_limit(facts: CampaignFacts, now: datetime) -> DailyLimitStatus:
    a_day, ahead = facts.messages_a_day, facts.messages_ahead
    return DailyLimitStatus(
        can_send=can_start(facts, now),
        messages_sent_today=facts.messages_today,
        daily_limit=facts.campaign.daily_limit,
        remaining_today=None if a_day is None else max(a_day - ahead, 0),
    )


def _pacing(snapshot: CampaignSnapshot, now: datetime) -> PacingStatus:
    campaign, share = snapshot.campaign, snapshot.daily_share
    pacing = campaign_pacing(campaign, snapshot.whole, now)
    if campaign.auto_pacing and share is not None:
        pacing = self_paced(pacing, daily_share=share, daily_limit=campaign.daily_limit)
    return PacingStatus(
        recommendation=pacing.recommendation.value,
        ideal_spend_pct=pacing.ideal_spend_pct,
        actual_spend_pct=pacing.actual_spend_pct,
        suggested_daily_messages=pacing.suggested_daily_messages,
    )


def _not_reached(expected: Prospects, total: int) -> NotReached | None:
    counts = {
        ExitReason.BUDGET_EXCEEDED: (expected.unpaid, "the budget is used up"),
        ExitReason.EXPIRED: (expected.too_late, "the campaign ends"),
    }
    lost = {reason: (count, cause) for reason, (count, cause) in counts.items() if count}
    if not lost:
        return None
    messages = sum(count for count, _ in lost.values())
    why = [f"{f'for {count:,} ' * (len(lost) > 1)}{cause}" for count, cause in lost.values()]
    return NotReached(
        messages=messages,
        reasons={reason.value: count for reason, (count, _) in lost.items()},
        explanation=f"{messages:,} of {total:,} will not be reached: {', '.join(why)}",
    )


def _outcomes(snapshot: CampaignSnapshot) -> Outcomes:
    by_state = snapshot.tallies.by_state()
    return Outcomes(
        sent=by_state.get(OutreachState.SENT, 0),
        unknown=by_state.get(OutreachState.UNKNOWN, 0),
        failed=snapshot.tallies.by_reason(OutreachState.FAILED),
        cancelled=by_state.get(OutreachState.CANCELLED, 0),
        blocked=snapshot.tallies.by_reason(OutreachState.BLOCKED),
    )


def _channels(snapshot: CampaignSnapshot) -> dict[str, ChannelStatus]:
    """The campaign's channels, and any other that has counts."""
    known = {a.key for a in snapshot.accounts if a.scope is AccountScope.CHANNEL}
    others = sorted(known | snapshot.tallies.channels())
    names = dict.fromkeys([*(c.value for c in snapshot.campaign.channels), *others])
    return {name: _channel(snapshot, name) for name in names}


def _channel(snapshot: CampaignSnapshot, name: str) -> ChannelStatus:
    tallies, account = snapshot.tallies, snapshot.account(AccountScope.CHANNEL, name)
    return ChannelStatus(
        sent=tallies.messages(TallyKind.STATE, OutreachState.SENT, channel=name),
        unknown=tallies.messages(TallyKind.STATE, OutreachState.UNKNOWN, channel=name),
        delivered=tallies.messages(TallyKind.RECEIPT, _DELIVERED, channel=name),
        opened=tallies.messages(TallyKind.RECEIPT, _OPENED, channel=name),
        clicked=tallies.messages(TallyKind.RECEIPT, _CLICKED, channel=name),
        spent=_money(account.spent_micros if account else 0),
    )


def _instant(moment: datetime | None) -> str | None:
    return in_utc(moment) if moment else None
