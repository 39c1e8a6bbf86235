"""How a message stands, in words: what is not certain is not told as if it were."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from madan_sara.cli.explanation import explain_message
from madan_sara.cli.standing import Source, Standing
from madan_sara.cli.views import standing_view
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AttemptState, ChannelWait
from madan_sara.contracts.outreach import OutreachState
from madan_sara.persistence.messages import AttemptRecord, MessageRecord
from madan_sara.policy.wait_words import explain_wait, explain_waits
from tests.unit.policy.builders import campaign
from tests.unit.starter.test_views import shown

DUE = datetime(2030, 11, 24, 12, tzinfo=UTC)
SINCE = datetime(2030, 11, 24, 11, 4, tzinfo=UTC)
ACCOUNT = "mail.example.org:587"

AWAY = ChannelWait(channel=Channel.EMAIL, account=ACCOUNT, code="provider_unavailable", since=SINCE)
REFUSES = AWAY.model_copy(update={"code": "misconfigured"})
CODE = "(misconfigured); see the worker's log"
PUT_OFF = AWAY.model_copy(update={"account": None, "code": "4.2.2"})


def standing(state: OutreachState, wait: ChannelWait | None = None) -> Standing:
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
    return Standing(
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
    ("state", "told"), [(OutreachState.SENT, "sent"), (OutreachState.UNKNOWN, "perhaps sent")]
)
def test_only_what_is_certain_is_told_as_sent(state, told):
    lines = shown(standing_view(standing(state)))
    assert [line for line in lines if line.split("Sun ")[0].strip() == told]


@pytest.mark.parametrize(
    ("wait", "told"),
    [
        (AWAY, f"email: {ACCOUNT} is away since 2030-11-24 11:04 UTC (provider_unavailable)"),
        (
            REFUSES,
            f"email: {ACCOUNT} refuses our settings since 2030-11-24 11:04 UTC {CODE}",
        ),
        (PUT_OFF, "email: the provider puts the recipient off since 2030-11-24 11:04 UTC (4.2.2)"),
    ],
)
def test_a_message_that_waits_though_it_is_due_says_what_for(wait, told):
    assert explain_wait(wait) == told
    several = explain_waits(wait.model_copy(update={"messages": 1200}))
    assert several == told.replace(")", "), 1,200 due")
    for state in (OutreachState.SCHEDULED, OutreachState.SENDING):
        explanation = explain_message(standing(state, wait), [], campaign())
        assert explanation["headline"] == f"The message is due; waits for {told}."


def test_one_that_waits_for_nothing_and_one_that_is_lost_say_so():
    asleep = standing(OutreachState.SCHEDULED)
    headline = explain_message(asleep, [], campaign())["headline"]
    assert "it goes out on email" in headline
    lost = replace(standing(OutreachState.SCHEDULED, REFUSES), lost="was terminated")
    headline = explain_message(lost, [], campaign())["headline"]
    assert "waits for" not in headline
    assert "goes no further" in headline
