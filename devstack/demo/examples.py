"""What the demo sends, to whom, and what must come of it: the files in `examples/`."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from contracts.base import Contract, ShortText
from contracts.campaign import OutreachCampaign
from contracts.channels import Channel
from contracts.content import MessageContent
from contracts.decision import RoutingReason, TimingReason
from contracts.faults import one_line
from contracts.outreach import ExitReason, OutreachState
from contracts.recipient import RecipientProfile
from devstack.errors import DevstackError

T = TypeVar("T")

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"
RECIPIENTS: Final = EXAMPLES / "recipients.json"

#: A date counted from the start of the demo, so that what must be asleep is asleep
#: whatever the hour.
_FROM_NOW: Final = re.compile(r"in (\d+) (hours|days)")


class Then(StrEnum):
    """What the demo does with a message after it was decided."""

    RESCHEDULE = "reschedule"  #: Moves it two hours later while it is asleep.
    CANCEL = "cancel"  #: Withdraws it while it is asleep.
    FALL_BACK = "fall_back"  #: Gives its planned channel up while it is asleep.
    FALL_BACK_AFTER_BOUNCE = "fall_back_after_bounce"  #: Carries it on after its receipt.


class Expectation(Contract):
    """What must come of a message; what is left out may be anything."""

    state: OutreachState
    reason: ExitReason | None = None
    channel: Channel | None = None
    routing: RoutingReason | None = None
    timing: TimingReason | None = None
    #: Channels whose provider was called, in order.
    tried: list[Channel] | None = None
    #: Calls to providers, all channels together.
    calls: Annotated[int, Field(ge=0)] | None = None


class ExampleMessage(RecipientProfile):
    """One message of the demo: who gets it, of which campaign, and what must come of it."""

    id: ShortText
    #: Name of the campaign's file.
    campaign: ShortText
    #: What there is to see, for whoever reads the file.
    note: str | None = None
    force_send: bool = False
    then: Then | None = None
    expect: Expectation

    def profile(self) -> RecipientProfile:
        """The person alone."""
        return RecipientProfile.model_validate(
            self.model_dump(include=set(RecipientProfile.model_fields))
        )


class ExampleSuppression(Contract):
    """Somebody who must not be contacted."""

    recipient_id: str | None = None
    address: str | None = None
    channel: Channel | None = None
    reason: str


@dataclass(frozen=True)
class Examples:
    """Everything the demo works with; campaigns and contents by the name of their file."""

    campaigns: Mapping[str, OutreachCampaign]
    contents: Mapping[str, MessageContent]
    suppressions: Sequence[ExampleSuppression]
    messages: Sequence[ExampleMessage]


def load_examples(recipients: Path = RECIPIENTS, *, now: datetime | None = None) -> Examples:
    """Read campaigns, contents, suppressions and recipients.

    Args:
        recipients: the file with the messages to send, in their order.
        now: what dates like `in 3 hours` count from; the present unless given.

    Raises:
        DevstackError: a file is missing or wrong; says which one and where.
    """
    moment = now or datetime.now(UTC)
    campaigns = {
        file.stem: _read(file, TypeAdapter(OutreachCampaign), moment)
        for file in sorted((EXAMPLES / "campaigns").glob("*.json"))
    }
    messages = _read(recipients, TypeAdapter(list[ExampleMessage]), moment)
    for message in messages:
        if message.campaign not in campaigns:
            raise DevstackError(
                f"{recipients}: {message.id} is to get {message.campaign!r}, which is no "
                f"campaign; there are {', '.join(campaigns)}"
            )
    return Examples(
        campaigns=campaigns,
        contents={
            name: _read(EXAMPLES / "contents" / f"{name}.json", TypeAdapter(MessageContent), moment)
            for name in campaigns
        },
        suppressions=_read(
            EXAMPLES / "suppressions.json", TypeAdapter(list[ExampleSuppression]), moment
        ),
        messages=messages,
    )


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
