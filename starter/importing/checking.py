"""Rows checked: each becomes a recipient to store, or is rejected with everything wrong in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from madan_sara.contracts.base import ShortText
from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.phones import MissingCountryError, to_e164
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.contracts.violations import listed, violation_lines
from madan_sara.persistence.new_recipient import NewRecipient, new_recipient
from madan_sara.policy.columns import ID, Field
from madan_sara.policy.templates import check_content
from madan_sara.starter.digests import request_digest
from madan_sara.starter.importing.columns import CsvReader, Fields, JsonReader, RejectedRowError

_PHONES: Final[tuple[Field, ...]] = (("contact_info", "phone"), ("contact_info", "whatsapp"))
#: Words of ours, which people write with a capital.
_WORDS: Final[tuple[Field, ...]] = (
    ("customer_type",),
    ("device_preference",),
    ("preferences", "preferred_channel"),
)

#: Stands for a value that is wrong already, so that the rest can be checked and each violation
#: is reported once.
_SOME_NUMBER: Final = "+50937001234"
_SOMETHING: Final = "?"

_SHORT_TEXT: TypeAdapter[str] = TypeAdapter(ShortText)


class Rejection(NamedTuple):
    """A row that is not stored."""

    #: Its position among the rows that were checked together.
    position: int
    reason: str


class CheckedRows(NamedTuple):
    """Some rows, checked; all in the order of the file."""

    accepted: list[NewRecipient]
    rejected: list[Rejection]
    #: The positions, among those accepted, of people whom none of the campaign's channels reaches.
    unreachable: list[int]


@dataclass(frozen=True)
class Assignment:
    """The rules for the rows of one file."""

    campaign: Campaign
    #: The text its recipients are sent.
    templates: MessageContent
    #: The names of the columns; None for JSON.
    header: Sequence[str] | None
    #: The country of phone numbers without a country code.
    region: str | None


class RowCheck:
    """Checks the rows of one file for one campaign.

    Raises:
        InvalidRequestError: the header cannot be used; says why.
    """

    def __init__(self, assignment: Assignment) -> None:
        self._campaign = assignment.campaign
        self._templates = assignment.templates
        self._content_digest = assignment.templates.digest()
        self._region = assignment.region
        self.recipient_fields = assignment.campaign.recipient_fields
        #: Reads the rows.
        self.reader = _reader(assignment.header, self.recipient_fields)

    def check(self, rows: Sequence[list[str] | str]) -> CheckedRows:
        """Check rows as they stand in the file."""
        checked = CheckedRows([], [], [])
        for position, raw in enumerate(rows):
            try:
                recipient_id, profile = self._checked(dict(self.reader.read(raw)))
                if not profile.contact_info.is_reachable_on(self._campaign.channels):
                    checked.unreachable.append(len(checked.accepted))
                checked.accepted.append(self._recipient(recipient_id, profile))
            except (RejectedRowError, InvalidRequestError) as error:
                checked.rejected.append(Rejection(position, listed([str(error)])))
        return checked

    def _checked(self, fields: dict[Field, object]) -> tuple[str, RecipientProfile]:
        violations: list[str] = []
        recipient_id = _id_of(fields.pop(ID, None), violations)
        violations += self._normalise(fields)
        missing = [name for name in self.recipient_fields if ("attributes", name) not in fields]
        for name in missing:
            violations.append(f"{name}: is missing; the campaign's recipient_fields ask for it")
            fields["attributes", name] = _SOMETHING
        try:
            profile = RecipientProfile.model_validate(_nested(fields))
        except ValidationError as error:
            violations += map(_flat, violation_lines(error))
            raise InvalidRequestError(listed(violations)) from None
        violations += check_content(self._templates, profile, self._campaign.channels)
        if violations:
            raise InvalidRequestError(listed(violations))
        return recipient_id, profile

    def _recipient(self, recipient_id: str, profile: RecipientProfile) -> NewRecipient:
        digest = request_digest(
            self._campaign.id, recipient_id, profile, self._content_digest, force_send=False
        )
        return new_recipient(recipient_id, digest, profile)

    def _normalise(self, fields: dict[Field, object]) -> Iterator[str]:
        """Bring numbers and words into their stored form; yields the violations."""
        for field in _WORDS:
            if isinstance(value := fields.get(field), str):
                fields[field] = value.strip().lower()
        for field in _PHONES:
            if isinstance(value := fields.get(field), str):
                try:
                    fields[field] = to_e164(value.strip(), self._region)
                except ValueError as error:
                    is_local = isinstance(error, MissingCountryError)
                    hint = ", or name the file's --region" if is_local else ""
                    yield f"{field[-1]}: {error}{hint}"
                    fields[field] = _SOME_NUMBER


def _reader(header: Sequence[str] | None, wanted: Sequence[str]) -> CsvReader | JsonReader:
    return JsonReader(wanted) if header is None else CsvReader(header, wanted)


def _id_of(value: object, violations: list[str]) -> str:
    # Exports of databases write ids as numbers.
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if text is None:
        violations.append("id: is missing; fill it")
        return ""
    try:
        return _SHORT_TEXT.validate_python(text, strict=True)
    except ValidationError as error:
        violations += violation_lines(error, root="id")
        return ""


def _nested(fields: Fields) -> dict[str, Any]:
    """A profile's fields as its model takes them."""
    profile: dict[str, Any] = {"contact_info": {}}
    for field, value in fields.items():
        if len(field) == 1:
            profile[field[0]] = value
        else:
            profile.setdefault(field[0], {})[field[1]] = value
    return profile


def _flat(violation: str) -> str:
    """A violation by the name of its column, not by its position in the profile."""
    for group in ("contact_info.", "preferences.", "attributes."):
        violation = violation.removeprefix(group)
    return violation
