"""The view of one message, on a terminal of 80 columns."""

import io
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rich.console import Console, RenderableType

from madan_sara.cli.views import explanation_view
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import RuledOut
from madan_sara.contracts.delivery import AttemptState
from madan_sara.contracts.outreach import ExitReason, OutreachState
from madan_sara.contracts.words.choices import RULED_OUT, TIMING, ZONES
from madan_sara.contracts.words.ends import why_unsent
from madan_sara.contracts.words.progress import ATTEMPTS
from madan_sara.policy.data import FACTOR_WEIGHTS
from madan_sara.starter.explanation import (
    AttemptLine,
    ChannelDecision,
    Explanation,
    Money,
    Timing,
    Unsent,
)

WIDTH = 80
FACTORS = ("customer_type", "engagement", "device", "urgency", "time_of_day")
NOW = datetime(2030, 11, 24, 12, tzinfo=UTC)


def shown(view: RenderableType) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=WIDTH, highlight=False, markup=False, emoji=False).print(view)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def _decision(number: int, channel: Channel) -> ChannelDecision:
    names = ["chosen", "fallback 7", "ruled out", "not needed"]
    ruled_out = number % 4 == 2
    return ChannelDecision(
        channel=channel,
        decision=names[number % 4],
        why=RULED_OUT[RuledOut.SUPPRESSED] if ruled_out else None,
        factors=None if ruled_out else dict.fromkeys(FACTORS, 0.95),
        total=None if ruled_out else 0.951,
        has_evidence=True,
        local_hour=19,
    )


def _attempt(number: int, channel: Channel, state: AttemptState) -> AttemptLine:
    return AttemptLine(
        attempt_no=number,
        channel=channel,
        provider="sandbox",
        outcome=state,
        meaning=ATTEMPTS[state],
        code="recipient_refused",
        calls=5,
        provider_message_id=f"<{uuid.UUID(int=number)}@mail.example.org>",
        price=Decimal("0.0075"),
    )


@pytest.fixture
def explanation() -> Explanation:
    """As long as it gets: every channel, every outcome of an attempt, a reason."""
    rule, advice = why_unsent(ExitReason.ALL_CHANNELS_FAILED, {"email": "misconfigured"})
    return Explanation(
        message_id=str(uuid.UUID(int=1)),
        campaign_id=str(uuid.UUID(int=2)),
        campaign_name="Fair of the first week-end in November " * 3,
        recipient_id="a-customer-of-another-system-" * 3,
        state=OutreachState.FAILED,
        headline="The message failed: all channels failed. Nothing was sent.",
        unsent=Unsent(reason="all_channels_failed", rule=rule, details={}, advice=advice),
        way_on=None,
        channel="instagram",
        why_channel="instagram was chosen because the recipient prefers it.",
        fallback_channels=[channel.value for channel in Channel],
        channels=[_decision(number, channel) for number, channel in enumerate(Channel)],
        factor_weights=dict(FACTOR_WEIGHTS),
        timing=Timing(
            scheduled_at=NOW,
            scheduled_at_local=None,
            time_zone="America/Argentina/ComodRivadavia",
            time_zone_is=next(iter(ZONES.values())),
            why=next(iter(TIMING.values())),
            moved=[],
        ),
        money=Money(
            price=Decimal("0.0075"),
            why="the campaign's price of one message on instagram",
            held=Decimal(0),
            spent=Decimal("0.0075"),
            given_back=Decimal("0.0075"),
        ),
        attempts=[
            _attempt(number, channel, state)
            for number, (channel, state) in enumerate(zip(Channel, AttemptState, strict=False), 1)
        ],
        receipts=["delivered"],
        warnings=["similarity 0.65 to the text of a message; 0.70 would block it"],
        force_send=True,
        policy_version="2026-11",
    )


def test_an_explanation_fits_a_terminal_and_breaks_no_word(explanation):
    lines = shown(explanation_view(explanation))
    rendered = "\n".join(lines)
    assert max(map(len, lines)) <= WIDTH
    assert "…" not in rendered
    for word in (
        *(channel.value for channel in Channel),
        *(state.value for state in AttemptState),
        *("customer", "engagement", "device", "urgency", "time of", "score", "decision"),
        *("fallback 7", "not needed", "ruled out", "recipient_refused", "sandbox", "undeliverable"),
    ):
        assert word in rendered, word
