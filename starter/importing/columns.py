"""Which field of a recipient a column of a file, or a name in its JSON, stands for."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from contracts.faults import InvalidRequestError
from contracts.recipient import ContactInfo
from policy.campaign_rules import column_name
from starter import strict_json

#: Where a value belongs: `("name",)`, `("contact_info", "email")`, `("attributes", "city")`.
Field = tuple[str, ...]
#: What a row says: each field once, none of them empty.
Fields = Mapping[Field, object]

ID: Final[Field] = ("id",)

_FIELDS: Final[Mapping[str, Field]] = {
    "id": ID,
    **{name: (name,) for name in ("name", "customer_type", "timezone", "device_preference")},
    **{name: ("contact_info", name) for name in ContactInfo.model_fields},
    "preferred_channel": ("preferences", "preferred_channel"),
}

#: Other names columns often have, in their normal form.
_SYNONYMS: Final[Mapping[str, str]] = {
    "recipient_id": "id",
    "full_name": "name",
    "e_mail": "email",
    "mail": "email",
    "email_address": "email",
    "e_mail_address": "email",
    "phone_number": "phone",
    "telephone": "phone",
    "mobile": "phone",
    "mobile_number": "phone",
    "mobile_phone": "phone",
    "cell_phone": "phone",
    "sms": "phone",
    "whatsapp_number": "whatsapp",
    "instagram": "instagram_handle",
    "facebook": "facebook_id",
    "linkedin": "linkedin_id",
    "twitter": "twitter_handle",
    "time_zone": "timezone",
    "device": "device_preference",
}

#: Objects of a profile; only JSON can hold them.
_NESTED: Final = ("contact_info", "preferences", "engagement_history", "attributes")
#: Those whose fields may stand beside the profile's own as well.
_TAKEN_APART: Final = ("contact_info", "preferences", "attributes")


class UnreadableRowError(ValueError):
    """What a row says cannot be told; the message says why."""


class Columns:
    """The names of one campaign's columns.

    Case does not matter, and a space or a hyphen is an underscore. What is no field of a
    profile becomes an attribute.

    Args:
        recipient_fields: attributes the campaign asks for; they keep the campaign's spelling.
    """

    def __init__(self, recipient_fields: Iterable[str]) -> None:
        self._attributes = {column_name(name): name for name in recipient_fields}
        # The same few names stand in every row of JSON.
        self.field_of = lru_cache(maxsize=1_000)(self._find)

    def _find(self, name: str) -> Field:
        """The field a name stands for."""
        plain = column_name(name)
        if plain in self._attributes:
            return ("attributes", self._attributes[plain])
        field = _FIELDS.get(_SYNONYMS.get(plain, plain))
        return field or ("attributes", plain)


class CsvReader:
    """Reads rows of cells below a header.

    Args:
        header: the names of the columns.
        recipient_fields: attributes the campaign asks for.

    Raises:
        InvalidRequestError: a column is missing, nameless or there twice.
    """

    def __init__(self, header: Sequence[str], recipient_fields: Sequence[str]) -> None:
        self._header = header
        columns = Columns(recipient_fields)
        self._fields = [columns.field_of(name) for name in header]
        self._require_usable()
        self._require(ID, "id column; name one id")
        for name in recipient_fields:
            self._require(
                ("attributes", name),
                f"column {name}, which the campaign's recipient_fields ask for; add it",
            )

    def read(self, raw: list[str] | str) -> Fields:
        """What the cells say; empty ones are missing.

        Raises:
            UnreadableRowError: there are more cells than columns.
        """
        surplus = [cell for cell in raw[len(self._fields) :] if cell.strip()]
        if surplus:
            raise UnreadableRowError(
                f"has {len(raw)} cells below {len(self._fields)} columns; "
                "put quotes around a cell with a delimiter in it"
            )
        # Spreadsheets leave out empty cells at the end of a row.
        cells = zip(self._fields, map(str.strip, raw), strict=False)
        return {field: cell for field, cell in cells if cell}

    def _require_usable(self) -> None:
        first: dict[Field, str] = {}
        for number, (name, field) in enumerate(zip(self._header, self._fields, strict=True), 1):
            if not name.strip():
                raise InvalidRequestError(f"column {number} has no name; name it or remove it")
            if field[-1] in _NESTED:
                raise InvalidRequestError(
                    f"column {name!r} stands for several fields; give each a column of its own, "
                    "or use a JSON Lines file"
                )
            if field in first:
                raise InvalidRequestError(
                    f"columns {first[field]!r} and {name!r} both mean {field[-1]}; remove one"
                )
            first[field] = name

    def _require(self, field: Field, wanted: str) -> None:
        if field not in self._fields:
            raise InvalidRequestError(
                f"there is no {wanted} (the columns are {', '.join(self._header)})"
            )


class JsonReader:
    """Reads JSON objects: flat as CSV, or with the profile's objects in them.

    Args:
        recipient_fields: attributes the campaign asks for.
    """

    def __init__(self, recipient_fields: Sequence[str]) -> None:
        self._columns = Columns(recipient_fields)

    def read(self, raw: list[str] | str) -> Fields:
        """What the object says; null and blank texts are missing.

        Raises:
            UnreadableRowError: it is no JSON object, or says something twice.
        """
        found: dict[Field, object] = {}
        for field, value in self._pairs(_json_object(str(raw))):
            if value is None or (isinstance(value, str) and not value.strip()):
                continue
            if field in found:
                raise UnreadableRowError(f"{field[-1]}: given twice; remove one")
            found[field] = value
        return found

    def _pairs(self, row: Mapping[str, object]) -> Iterator[tuple[Field, object]]:
        for name, value in row.items():
            if name not in _NESTED:
                yield self._columns.field_of(name), value
            elif name not in _TAKEN_APART or value is None:
                yield (name,), value
            elif isinstance(value, Mapping):
                yield from (((name, inner), held) for inner, held in value.items())
            else:
                raise UnreadableRowError(f"{name}: must be an object with named fields")


def _json_object(text: str) -> Mapping[str, object]:
    try:
        row = strict_json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableRowError(f"no valid JSON (column {error.colno}: {error.msg})") from None
    except RecursionError:
        raise UnreadableRowError("nested too deeply; flatten it") from None
    except InvalidRequestError as fault:
        raise UnreadableRowError(str(fault)) from None
    if not isinstance(row, Mapping):
        raise UnreadableRowError("is no JSON object; start it with {")
    return row
