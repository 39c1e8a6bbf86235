"""The fields of a recipient that columns of a file, or names in its JSON, stand for."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from pydantic import TypeAdapter, ValidationError

from madan_sara.contracts.base import ShortText
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.violations import one_line, quoted
from madan_sara.policy.columns import ID, NESTED, Field, column_name, own_field
from madan_sara.starter import strict_json

#: A row's fields: each once, none of them empty.
Fields = Mapping[Field, object]

#: Those whose fields may stand beside the profile's own as well.
_TAKEN_APART: Final = ("contact_info", "preferences", "attributes")

_SHORT_TEXT: TypeAdapter[str] = TypeAdapter(ShortText)


class RejectedRowError(ValueError):
    """A row is ambiguous; the message says why."""


class Columns:
    """The names of one campaign's columns.

    Case does not matter, and a space or a hyphen is an underscore. A name that is no field of
    a profile becomes an attribute.

    Args:
        recipient_fields: attributes the campaign asks for; they keep the campaign's spelling.
    """

    def __init__(self, recipient_fields: Iterable[str]) -> None:
        self._attributes = {column_name(name): name for name in recipient_fields}
        # The same few names stand in every row of JSON.
        self.field_of = lru_cache(maxsize=1_000)(self._find)
        self.attribute = lru_cache(maxsize=1_000)(self._find_attribute)

    def _find(self, name: str) -> Field:
        """The field a name stands for."""
        plain = column_name(name)
        if plain in self._attributes:
            return ("attributes", self._attributes[plain])
        return own_field(name) or ("attributes", plain)

    def _find_attribute(self, name: str) -> Field:
        """An attribute's name, in the campaign's spelling if the campaign asks for it."""
        return ("attributes", self._attributes.get(column_name(name), name))


class CsvReader:
    """Reads rows of cells below a header.

    Args:
        header: the names of the columns.
        recipient_fields: attributes the campaign asks for.

    Raises:
        InvalidRequestError: a column is missing or there twice, or its name cannot be used.
    """

    def __init__(self, header: Sequence[str], recipient_fields: Sequence[str]) -> None:
        self._header = header
        self.field_of = Columns(recipient_fields).field_of
        self._fields = [self.field_of(name) for name in header]
        self._require_usable()
        self._require(ID, "id column; name one id")
        for name in recipient_fields:
            self._require(
                ("attributes", name),
                f"column {name}, which the campaign's recipient_fields ask for; add it",
            )

    def names(self) -> dict[str, Field]:
        """The columns, and the field each stands for."""
        return dict(zip(self._header, self._fields, strict=True))

    def read(self, raw: list[str] | str) -> Fields:
        """The fields of a row's cells, without empty ones.

        Raises:
            RejectedRowError: there are more cells than columns.
        """
        surplus = [cell for cell in raw[len(self._fields) :] if cell.strip()]
        if surplus:
            raise RejectedRowError(
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
            if violation := _violation_of(field):
                raise InvalidRequestError(f"column {number}: {violation}")
            if field[-1] in NESTED:
                raise InvalidRequestError(
                    f"column {quoted(name)} stands for several fields; give each a column of its "
                    "own, or use a JSON Lines file"
                )
            if field in first:
                raise InvalidRequestError(
                    f"columns {quoted(first[field])} and {quoted(name)} both mean {field[-1]}; "
                    "remove one"
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
        self.field_of = self._columns.field_of

    def names(self) -> dict[str, Field]:
        """None: each row brings its own."""
        return {}

    def read(self, raw: list[str] | str) -> Fields:
        """The object's fields, without nulls and blank texts.

        Raises:
            RejectedRowError: it is no JSON object, or says something twice.
        """
        found: dict[Field, object] = {}
        for field, value in self._pairs(_json_object(str(raw))):
            if value is None or (isinstance(value, str) and not value.strip()):
                continue
            if field in found:
                raise RejectedRowError(f"{field[-1]}: given twice; remove one")
            found[field] = value
        return found

    def _pairs(self, row: Mapping[str, object]) -> Iterator[tuple[Field, object]]:
        for name, value in row.items():
            if name not in NESTED:
                yield self._columns.field_of(name), value
            elif name not in _TAKEN_APART or value is None:
                yield (name,), value
            elif isinstance(value, Mapping):
                for inner, held in value.items():
                    is_attribute = name == "attributes"
                    yield (self._columns.attribute(inner) if is_attribute else (name, inner)), held
            else:
                raise RejectedRowError(f"{name}: must be an object with named fields")


def _violation_of(field: Field) -> str:
    """The violation of an attribute's name: every row with it would be refused."""
    try:
        _SHORT_TEXT.validate_python(field[-1])
    except ValidationError as error:
        return one_line(error)
    return ""


def _json_object(text: str) -> Mapping[str, object]:
    try:
        row = strict_json.loads(text)
    except json.JSONDecodeError as error:
        raise RejectedRowError(f"no valid JSON (column {error.colno}: {error.msg})") from None
    except RecursionError:
        raise RejectedRowError("nested too deeply; flatten it") from None
    except InvalidRequestError as error:
        raise RejectedRowError(str(error)) from None
    if not isinstance(row, Mapping):
        raise RejectedRowError("is no JSON object; start it with {")
    return row
