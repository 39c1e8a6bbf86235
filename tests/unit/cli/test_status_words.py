"""A message's status in words, which say what is uncertain."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from madan_sara.cli.views import status_view
from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.campaign_run import Wait, WaitReason
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AttemptState, ChannelWait
from madan_sara.contracts.outreach import Details, ExitReason, OutreachState, OutreachStatus
from madan_sara.contracts.records import AttemptRecord, MessageRecord
from madan_sara.contracts.words.waits import explain_turn, explain_wait, explain_waits
from madan_sara.starter.campaign_status import campaign_status
from madan_sara.starter.campaign_words import explain_queue
from madan_sara.starter.explanation import explain_message
from madan_sara.starter.message_status import MessageStatus, Source, ask_message_status
from tests.unit.cli.test_views import shown
from tests.unit.policy.builders import campaign
from tests.unit.starter.test_campaign_status import NOW as CAMPAIGN_NOW
from tests.unit.starter.test_campaign_status import snapshot

DUE = datetime(2030, 11, 24, 12, tzinfo=UTC)
SINCE = datetime(2030, 11, 24, 11, 4, tzinfo=UTC)
ACCOUNT = "mail.example.org:587"

AWAY = ChannelWait(channel=Channel.EMAIL, account=ACCOUNT, code="provider_unavailable", since=SINCE)
REFUSES = AWAY.model_copy(update={"code": "smtp_535_5.7.8", "refuses_settings": True})
CODE = "(smtp_535_5.7.8); an operator must correct them, see the worker's log"
IN_LINE = AWAY.model_copy(update={"account": None, "code": "awaits_turn", "awaits_turn": True})
PUT_OFF = AWAY.model_copy(update={"account": None, "code": "4.2.2"})


def status_of(state: OutreachState, wait: ChannelWait | None = None) -> MessageStatus:
    attempt = AttemptRecord(
        attempt_no=1,
        channel=Channel.EMAIL,
        provider="smtp",
        state=AttemptState.NOT_SENT,
        calls=1,
        tries=0,
        code=wait.code if wait else None,
        provider_message_id=None,
        price_micros=1_000,
        retry_at=DUE if wait else None,
        wait=wait,
    )
    record = MessageRecord(
        message_id=UUID(int=1),
        campaign_id=UUID(int=2),
        campaign_name="Fair",
        recipient_id="r-1",
        state=state,
        reason=None,
        details={},
        warnings=[],
        routing=None,
        plan=None,
        channel=Channel.EMAIL,
        force_send=False,
        created_at=SINCE,
        scheduled_at=DUE,
        sent_at=DUE,
        attempts=[attempt],
        events=[],
    )
    return MessageStatus(
        record=record,
        source=Source.DATABASE,
        state=state,
        reason=None,
        details={},
        routing=None,
        plan=None,
        noted_attempts=[],
        next_wake_at=None,
    )


@pytest.mark.parametrize(
    ("state", "expected"), [(OutreachState.SENT, "sent"), (OutreachState.UNKNOWN, "perhaps sent")]
)
def test_only_a_certain_send_is_reported_as_sent(state, expected):
    lines = shown(status_view(status_of(state)))
    assert [line for line in lines if line.split("Sun ")[0].strip() == expected]


@pytest.mark.parametrize(
    ("wait", "expected"),
    [
        (AWAY, f"email: {ACCOUNT} is away since 2030-11-24 11:04 UTC (provider_unavailable)"),
        (
            REFUSES,
            f"email: {ACCOUNT} refuses our settings since 2030-11-24 11:04 UTC {CODE}",
        ),
        (PUT_OFF, "email: the provider puts the recipient off since 2030-11-24 11:04 UTC (4.2.2)"),
    ],
)
def test_a_due_message_that_waits_gives_the_reason(wait, expected):
    assert explain_wait(wait) == expected
    several = explain_waits(wait.model_copy(update={"messages": 1200}))
    assert several == expected.replace(")", "), 1,200 due")
    for state in (OutreachState.SCHEDULED, OutreachState.SENDING):
        explanation = explain_message(status_of(state, wait), [], campaign())
        assert explanation["headline"] == f"The message is due; waits for {expected}."


def test_a_due_message_that_waits_for_its_turn_says_that_we_hold_it_back():
    expected = "email: its turn, as MADAN_SARA_RATE_LIMITS spaces the calls"
    assert explain_wait(IN_LINE) == expected
    several = explain_waits(IN_LINE.model_copy(update={"messages": 1200}))
    assert several == f"{expected.replace('its turn', 'their turns')}, 1,200 due"


@pytest.mark.parametrize(
    ("per_second", "expected"),
    [
        (10.0, "10 calls a second"),
        (1.5, "1.5 calls a second"),
        (1.0, "1 call a second"),
        (0.4, "one call each 2.5 s"),
        (0.0166667, "one call each 60 s"),
        (0.00001, "one call each 100,000 s"),
    ],
)
def test_a_wait_for_a_turn_says_how_often_the_channel_is_called(per_second, expected):
    assert explain_turn(Channel.SMS, per_second) == f"its turn: sms takes {expected}"


def queued_for(reason: ExitReason | None = None, **changes: Any) -> str:
    """The words for the wait of a queued message of such a campaign."""
    stands = campaign_status(snapshot(**changes), CAMPAIGN_NOW)
    details: Details = {"scope": "campaign", "key": "", "remaining_budget": "0.50", "price": "1.00"}
    found = replace(
        status_of(OutreachState.QUEUED),
        queued_for=explain_queue(stands, reason, details if reason else {}),
    )
    headline = explain_message(found, [], campaign())["headline"]
    assert headline == f"The message is queued; it waits for {found.waits_for}."
    assert str(found.waits_for)[:20] in "\n".join(shown(status_view(found)))
    return str(found.waits_for)


def test_a_queued_message_gives_the_reason_of_its_wait():
    its, midnight = snapshot().campaign, datetime(2026, 11, 24, 5, tzinfo=UTC)

    def waits(reason: WaitReason) -> str:
        return queued_for(wait=Wait(reason=reason, until=midnight))

    def with_status(status: CampaignStatus) -> str:
        return queued_for(campaign=its.model_copy(update={"status": status}))

    assert queued_for(is_started=False) == (
        f"its campaign to be started; `madan-sara campaign start {its.id}` starts it"
    )
    assert with_status(CampaignStatus.PAUSED) == (
        "its campaign to be resumed, which is paused; "
        f"`madan-sara campaign resume {its.id}` goes on"
    )
    assert with_status(CampaignStatus.CANCELLED) == "its campaign to close it, which is cancelled"
    assert waits(WaitReason.NEXT_DAY) == (
        "the next day, as today's messages are used up (45 of 60, chosen by auto pacing within "
        "100; 7 planned for later days); its campaign looks again 2026-11-24 05:00 UTC"
    )
    assert "start date; its campaign looks again" in waits(WaitReason.START)
    assert "more budget" in waits(WaitReason.BUDGET)
    assert queued_for() == (
        "its turn among the 200 queued messages of its campaign, which is starting them"
    )
    assert queued_for(ExitReason.BUDGET_EXCEEDED).startswith(
        "room in a limit; it goes on by itself"
    )


def test_one_that_waits_for_nothing_and_one_that_is_lost_say_so():
    asleep = status_of(OutreachState.SCHEDULED)
    headline = explain_message(asleep, [], campaign())["headline"]
    assert "it goes out on email" in headline
    lost = replace(status_of(OutreachState.SCHEDULED, REFUSES), lost="was terminated")
    headline = explain_message(lost, [], campaign())["headline"]
    assert "waits for" not in headline
    assert "goes no further" in headline


class _BothSay:
    """Messages whose workflow and database say different things."""

    def __init__(self, workflow: OutreachState, database: OutreachState) -> None:
        self._workflow = workflow
        self._record = status_of(database).record

    async def status(self, message_id: UUID) -> OutreachStatus:
        return OutreachStatus(message_id=message_id, state=self._workflow)

    async def record(self, message_id: UUID) -> MessageRecord:
        return self._record


@pytest.mark.parametrize(
    ("workflow", "database", "expected"),
    [
        (OutreachState.UNKNOWN, OutreachState.SENT, OutreachState.SENT),
        (OutreachState.SENDING, OutreachState.SENT, OutreachState.SENT),
        (OutreachState.SCHEDULED, OutreachState.SENDING, OutreachState.SCHEDULED),
    ],
    ids=["found to be sent after its end", "ended between the answers", "not ended"],
)
async def test_an_end_in_the_database_is_newer_than_the_workflows_answer(
    workflow, database, expected
):
    messages: Any = _BothSay(workflow, database)
    campaigns: Any = None
    assert (await ask_message_status(messages, campaigns, UUID(int=1))).state is expected
