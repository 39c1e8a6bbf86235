"""The outcomes of the demo's messages: compared with the expected ones, and shown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from madan_sara.contracts.outreach import OutreachState
from madan_sara.contracts.records import MessageRecord
from madan_sara.devstack.demo.examples import Example
from madan_sara.devstack.demo.words import Kind, kind_of, why
from madan_sara.emulators.sandbox.behaviour import Behaviour
from madan_sara.emulators.sandbox.journal import LoggedRequest

#: Columns as wide as their longest cell; the last one takes what is left.
_NARROW: Final = 3


@dataclass(frozen=True)
class Outcome:
    """One message of the demo and its outcome."""

    example: Example
    record: MessageRecord
    #: Whether a provider took it without saying so.
    answer_lost: bool

    @property
    def kind(self) -> Kind:
        """The heading it belongs under."""
        return kind_of(self.record, answer_lost=self.answer_lost)

    @property
    def why(self) -> str:
        """Its reason, in words."""
        return why(self.record, answer_lost=self.answer_lost)

    def differences(self) -> list[str]:
        """Its differences from the expected outcome, each like `channel is sms, not email`."""
        expected = self.example.expect.model_dump(mode="json", exclude_none=True)
        actual = self._as_expected()
        return [
            f"{name} is {_shown(actual[name])}, not {_shown(wanted)}"
            for name, wanted in expected.items()
            if actual[name] != wanted
        ]

    def _as_expected(self) -> dict[str, object]:
        """Its outcome, field by field as an `Expectation` names them."""
        record = self.record
        called = [attempt for attempt in record.attempts if attempt.calls]
        routing = record.routing and record.routing.reason
        return {
            "state": record.state.value,
            "reason": record.reason and record.reason.value,
            "channel": record.channel and record.channel.value,
            "routing": routing and routing.value,
            "timing": record.plan and record.plan.reason.value,
            "tried": [attempt.channel.value for attempt in called],
            "calls": sum(attempt.calls for attempt in called),
        }


def lost_answers(log: Sequence[LoggedRequest]) -> set[str]:
    """Ids of the messages a provider took without saying so."""
    return {
        entry.message_id
        for entry in log
        if entry.taken and entry.message_id and entry.behaviour is Behaviour.SWALLOW
    }


def outcome_groups(outcomes: Sequence[Outcome]) -> Iterator[RenderableType]:
    """Every outcome, grouped by kind under headings."""
    widths = [
        max(len(cells[column].plain) for cells in map(_row, outcomes)) for column in range(_NARROW)
    ]
    for kind in Kind:
        group = [outcome for outcome in outcomes if outcome.kind is kind]
        if not group:
            continue
        yield Text(f"\n{kind.value} ({len(group)})", style="bold")
        table = Table.grid(padding=(0, 2, 0, 0))
        for width in widths:
            table.add_column(min_width=width, no_wrap=True)
        table.add_column(overflow="fold")
        for outcome in sorted(group, key=lambda one: (one.record.reason or "", one.why)):
            table.add_row(*_row(outcome))
        yield table


def _row(outcome: Outcome) -> list[Text]:
    record = outcome.record
    words = Text(outcome.why)
    for difference in outcome.differences():
        words.append(f"\nNOT AS EXPECTED: {difference}", style="bold red")
    return [
        Text(f"  {outcome.example.name}"),
        Text(record.campaign_name, style="dim"),
        Text(_channel(record), style="cyan"),
        words,
    ]


def _channel(record: MessageRecord) -> str:
    """The channel it went by or will; none where it ended unsent."""
    on_its_way = record.state in (
        OutreachState.SENT,
        OutreachState.UNKNOWN,
        OutreachState.SCHEDULED,
    )
    return record.channel.value if on_its_way and record.channel else "-"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " then ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
