"""The demo's messages, recipients and expected outcomes: the files in `examples/demo/`.

`campaigns/*.json` are the campaigns. Those with a file of the same name in `recipients/` are
imported and run; the messages in `messages.json` are sent one by one. `campaign_ends.json`
gives the expected end of each campaign that runs; the columns `expect_...` of a recipient,
attributes to the import, give the expected outcome of the message.
"""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from madan_sara.contracts.base import ClosedContract, ShortText
from madan_sara.contracts.campaign import CampaignStatus, OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import RoutingReason, TimingReason
from madan_sara.contracts.outreach import ExitReason, OutreachState
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.contracts.violations import one_line
from madan_sara.devstack.errors import DevstackError

T = TypeVar("T")

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples" / "demo"

_EXPECTED: Final = "expect_"

#: A date counted from the start of the demo, so that messages that must be asleep are asleep
#: at any hour.
_FROM_NOW: Final = re.compile(r"in (\d+) (hours|days)")


class Then(StrEnum):
    """The demo's command to a message after its decision."""

    RESCHEDULE = "reschedule"  #: Moves it two hours later while it is asleep.
    CANCEL = "cancel"  #: Withdraws it while it is asleep.
    FALL_BACK = "fall_back"  #: Gives its planned channel up while it is asleep.
    FALL_BACK_AFTER_BOUNCE = "fall_back_after_bounce"  #: Carries it on after its receipt.


def _words(value: object) -> object:
    """A cell of several words as the list it stands for."""
    return value.split() if isinstance(value, str) else value


class Expectation(ClosedContract):
    """The expected outcome of a message; a field left out may be anything."""

    state: OutreachState
    reason: ExitReason | None = None
    channel: Channel | None = None
    routing: RoutingReason | None = None
    timing: TimingReason | None = None
    #: Channels whose provider was called, in order.
    tried: Annotated[list[Channel] | None, BeforeValidator(_words)] = None
    #: Calls to providers, all channels together.
    calls: Annotated[int, Field(ge=0)] | None = None


@dataclass(frozen=True)
class Example:
    """A person, and the expected outcome of the message to them."""

    id: str
    name: str
    #: Name of the campaign's file.
    campaign: str
    expect: Expectation


class SingleMessage(RecipientProfile):
    """A single message: its recipient, its campaign, and its expected outcome."""

    id: ShortText
    #: Name of the campaign's file.
    campaign: ShortText
    #: A note for a reader of the file.
    note: str | None = None
    force_send: bool = False
    then: Then | None = None
    expect: Expectation

    def profile(self) -> RecipientProfile:
        """The person alone."""
        return RecipientProfile.model_validate(
            self.model_dump(include=set(RecipientProfile.model_fields))
        )

    def example(self) -> Example:
        """Its expected outcome."""
        return Example(self.id, self.name or self.id, self.campaign, self.expect)


class ExampleSuppression(ClosedContract):
    """A person who must not be contacted."""

    recipient_id: str | None = None
    address: str | None = None
    channel: Channel | None = None
    reason: str


@dataclass(frozen=True)
class Examples:
    """The demo's examples; campaigns and recipients by the name of their file."""

    campaigns: Mapping[str, OutreachCampaign]
    #: The files of those that run, in the order in which they are started.
    files: Mapping[str, Path]
    #: The people in the files.
    imported: Sequence[Example]
    ends: Mapping[str, CampaignStatus]
    #: In the order in which they are sent.
    messages: Sequence[SingleMessage]
    suppressions: Sequence[ExampleSuppression]


def load_examples(folder: Path = EXAMPLES, *, now: datetime | None = None) -> Examples:
    """Read a folder of examples.

    Args:
        folder: Holds them.
        now: What dates like `in 3 hours` count from; the present unless given.

    Raises:
        DevstackError: A file is missing or wrong; says which one and where.
    """
    moment = now or datetime.now(UTC)
    campaigns = {
        file.stem: _read(file, TypeAdapter(OutreachCampaign), moment)
        for file in sorted((folder / "campaigns").glob("*.json"))
    }
    ends = _read(folder / "campaign_ends.json", TypeAdapter(dict[str, CampaignStatus]), moment)
    files = {name: folder / "recipients" / f"{name}.csv" for name in ends}
    messages = _read(folder / "messages.json", TypeAdapter(list[SingleMessage]), moment)
    for name in (*ends, *(message.campaign for message in messages)):
        if name not in campaigns:
            raise DevstackError(
                f"{folder}: {name!r} is no campaign; there are {', '.join(campaigns)}"
            )
    return Examples(
        campaigns=campaigns,
        files=files,
        imported=[row for name, file in files.items() for row in _read_rows(file, name)],
        ends=ends,
        messages=messages,
        suppressions=_read(
            folder / "suppressions.json", TypeAdapter(list[ExampleSuppression]), moment
        ),
    )


def _read_rows(file: Path, campaign: str) -> list[Example]:
    """The expectations in a file of recipients; the import reads the other columns."""
    examples = []
    try:
        with file.open(encoding="utf-8", newline="") as rows:
            for row in csv.DictReader(rows):
                expected = {
                    column.removeprefix(_EXPECTED): cell
                    for column, cell in row.items()
                    if column.startswith(_EXPECTED) and cell
                }
                expect = Expectation.model_validate(expected)
                examples.append(Example(row["id"], row["name"], campaign, expect))
    except ValidationError as error:
        line = f"line {len(examples) + 2}"
        raise DevstackError(f"{file}: {line}: {one_line(error, root='expect')}") from None
    except (OSError, KeyError) as error:
        raise DevstackError(f"{file}: cannot be read: {error}") from None
    return examples


def _read(file: Path, adapter: TypeAdapter[T], now: datetime) -> T:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        return adapter.validate_python(_with_dates(document, now))
    except ValidationError as error:
        raise DevstackError(f"{file}: {one_line(error)}") from None
    except (OSError, ValueError) as error:
        raise DevstackError(f"{file}: cannot be read: {error}") from None


def _with_dates(document: Any, now: datetime) -> Any:  # noqa: ANN401 - whatever the file holds
    """A campaign's `in 3 hours` as the instant it means; anything else as it is."""
    if not isinstance(document, dict):
        return document
    dates = {
        field: _counted_from(now, document[field])
        for field in ("start_date", "end_date")
        if field in document
    }
    return {**document, **dates}


def _counted_from(now: datetime, written: object) -> object:
    found = _FROM_NOW.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        return written
    return now + timedelta(**{found[2]: int(found[1])})
