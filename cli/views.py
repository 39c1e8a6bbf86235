"""Answers as people read them on a terminal."""

from collections.abc import Iterable, Mapping
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from madan_sara.cli.layout import fact, facts, section, table
from madan_sara.cli.terminal import plain
from madan_sara.contracts.delivery import DeliveryEventKind
from madan_sara.contracts.outreach import UNSENT_STATES, Details, ExitReason, OutreachState
from madan_sara.contracts.words.ends import why_unsent
from madan_sara.contracts.words.progress import EVENTS
from madan_sara.starter.answers import SendResult
from madan_sara.starter.explanation import AttemptLine, ChannelDecision, Explanation, Money, Timing
from madan_sara.starter.message_status import MessageStatus, at_local

_FACTORS: Final = {
    "customer_type": "customer",
    "engagement": "engagement",
    "device": "device",
    "urgency": "urgency",
    "time_of_day": "time of\nday",
}


def decision_view(result: SendResult, campaign_id: str | None = None) -> RenderableType:
    """The answer to a send, which names the campaign, or to a command."""
    message, state = result["message_id"], OutreachState(result["status"])
    if state in UNSENT_STATES:
        lines: list[RenderableType] = [_state_line(f"{state}: {result['reason']}", state)]
        lines += _rule(result["reason"], result["details"])
    else:
        text = f"{state}: {result['channel']} at {result['scheduled_at']}"
        fallbacks = ", ".join(result["fallback_channels"]) or "none"
        lines = [
            _state_line(text, state),
            fact("chosen by", result["routing_reason"]),
            fact("fallbacks", fallbacks),
        ]
    warnings = [fact("warning", warning) for warning in result["warnings"]]
    return Group(
        *lines,
        *warnings,
        *facts({"campaign": campaign_id}),
        fact("message", message),
        fact("why", f"madan-sara explain {message}"),
    )


def status_view(status: MessageStatus) -> RenderableType:
    """A message's status."""
    record, zone = status.record, status.time_zone
    sent = "perhaps sent" if status.state is OutreachState.UNKNOWN else "sent"
    known = {
        "message": record.message_id,
        "campaign": f"{record.campaign_name} ({record.campaign_id})",
        "recipient": record.recipient_id,
        "channel": status.channel,
        "scheduled": at_local(status.scheduled_at, zone),
        sent: at_local(record.sent_at, zone),
        "what to do": status.way_on,
        "waits for": status.waits_for,
        "wakes next": at_local(status.wakes_at, zone),
        "source": status.source,
    }
    text = status.state + (f": {status.reason}" if status.reason else "")
    if status.lost:
        text = f"left as {text}, and goes no further: its workflow {status.lost}"
    attempts = [
        fact(f"attempt {a.attempt_no}", " ".join(filter(None, [a.channel, a.state, a.code])))
        for a in record.attempts
    ]
    return Group(
        _state_line(text, status.state, lost=status.lost is not None),
        *_rule(status.reason, status.details),
        *facts(known),
        *attempts,
    )


def explanation_view(explanation: Explanation) -> RenderableType:
    """The whole explanation of a message, top to bottom."""
    parts: list[RenderableType] = [
        _state_line(
            explanation["headline"],
            OutreachState(explanation["state"]),
            lost=explanation["way_on"] is not None,
        ),
        fact("campaign", f"{explanation['campaign_name']} ({explanation['campaign_id']})"),
        fact("recipient", explanation["recipient_id"]),
    ]
    if explanation["unsent"]:
        parts += section("Why it was not sent", explanation["unsent"]["rule"])
        parts += section("What can be done", explanation["unsent"]["advice"])
    if explanation["way_on"]:
        parts += section("What can be done", explanation["way_on"])
    if explanation["channels"]:
        parts += section("Why this channel", *_channel_lines(explanation))
        parts.append(_scores(explanation["channels"], explanation["factor_weights"]))
    if explanation["timing"]:
        gone = explanation["unsent"] is not None
        title = "When it would have gone" if gone else "Why this time"
        parts += section(title, *_timing_lines(explanation["timing"]))
    parts += section("What it costs", *_money_lines(explanation["money"]))
    if explanation["attempts"]:
        parts += section("Attempts", *_attempts(explanation["attempts"]))
    if explanation["receipts"]:
        parts += section("Reported afterwards", *map(_receipt, explanation["receipts"]))
    if explanation["warnings"]:
        parts += section("Worth a look", *explanation["warnings"])
    if explanation["force_send"]:
        parts += section("Forced", "force_send: look-back, caps and best times were not looked at.")
    return Group(*parts)


def _channel_lines(explanation: Explanation) -> Iterable[str]:
    yield explanation["why_channel"] or "No channel can carry it."
    if explanation["fallback_channels"]:
        yield f"If it fails there, next in order: {', '.join(explanation['fallback_channels'])}."
    for decision in explanation["channels"]:
        if decision["why"]:
            yield f"{decision['channel']} - {decision['decision']}: {decision['why']}."


def _scores(decisions: Iterable[ChannelDecision], weights: Mapping[str, float]) -> Table:
    """The five factors of each channel, 0 to 1, with the weight each has in the score."""
    scores = table()
    scores.add_column("channel")
    for factor, name in _FACTORS.items():
        scores.add_column(f"{name}\n{weights[factor]:.0%}", justify="right")
    scores.add_column("score", justify="right", style="bold")
    scores.add_column("decision")
    for decision in decisions:
        factors = decision["factors"]
        cells = [f"{factors[name]:.2f}" if factors else "-" for name in _FACTORS]
        total = "-" if decision["total"] is None else f"{decision['total']:.3f}"
        style = "bold green" if decision["decision"] == "chosen" else None
        scores.add_row(decision["channel"], *cells, total, decision["decision"], style=style)
    return scores


def _timing_lines(timing: Timing) -> Iterable[str]:
    when = at_local(timing["scheduled_at"], timing["time_zone"]) or "There is no send time"
    yield f"{when}: {timing['why']}."
    yield f"Local time is {timing['time_zone']}: {timing['time_zone_is']}."
    yield from (f"{note[:1].upper()}{note[1:]}." for note in timing["moved"])


def _money_lines(money: Money) -> Iterable[str]:
    if money["price"] is None:
        yield "Nothing: no money is held for it."
        return
    yield f"{money['price']:f}: {money['why']}."
    states = {"held": money["held"], "spent": money["spent"], "given back": money["given_back"]}
    booked = [f"{amount:f} {name}" for name, amount in states.items() if amount]
    yield f"Of the budget: {', '.join(booked) or 'nothing'}."


def _attempts(attempts: Iterable[AttemptLine]) -> Iterable[str]:
    for attempt in attempts:
        by = f" by {attempt['provider']}" if attempt["provider"] else ""
        calls = f"{attempt['calls']} call{'s' * (attempt['calls'] != 1)}"
        code = f" ({attempt['code']})" if attempt["code"] else ""
        yield (
            f"{attempt['attempt_no']}. {attempt['channel']}{by}, {calls} - "
            f"{attempt['outcome']}: {attempt['meaning']}{code}"
        )
        if attempt["provider_message_id"]:
            yield f"   receipt {attempt['provider_message_id']}"


def _receipt(kind: str) -> str:
    return f"{kind}: {EVENTS[DeliveryEventKind(kind)]}"


def _rule(reason: str | None, details: Details) -> list[RenderableType]:
    """The rule that ended a message, in words."""
    return [fact("rule", why_unsent(ExitReason(reason), details)[0])] if reason else []


def _state_line(text: str, state: OutreachState, *, lost: bool = False) -> Text:
    """Its status, in red where nothing more will be sent."""
    over = lost or state in UNSENT_STATES
    return Text(plain(text), style="bold red" if over else "bold green")
