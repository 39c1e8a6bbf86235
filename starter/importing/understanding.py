"""The meaning each column of a file was given, for people to check."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from madan_sara.contracts.phones import to_e164
from madan_sara.contracts.violations import quoted
from madan_sara.policy.columns import NESTED, Field, column_name
from madan_sara.starter.importing.checking import RowCheck
from madan_sara.starter.importing.columns import RejectedRowError
from madan_sara.starter.importing.files import SourceRow

#: Rows looked at: enough to see what a column holds, few enough to cost nothing.
_SAMPLE_ROWS: Final = 100

#: Parts of names that columns of contact data have, in the languages of their authors.
_CONTACT_WORDS: Final = re.compile(
    r"mail|courriel|correo|im[eè]l|phone|telef|(?:^|_)t[ée]l(?:$|_|[ée])|mobile|m[óo]vil|celul|portable"
    r"|handy|gsm|whats?_?app|\bwa\b|sms|insta|facebook|fb(?:$|_)|messenger|linked_?in|twitter"
)
_LIKE_A_MAILBOX: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def understood(check: RowCheck, rows: Iterable[SourceRow]) -> tuple[list[str], list[str]]:
    """The field each column stands for, and columns that may have been meant otherwise.

    Args:
        check: checks the file's rows.
        rows: the file's rows; the first of them are looked at.

    Returns:
        Lines like `email <- E-mail`, in the order of the file; and warnings, which name
        columns and no values.
    """
    fields: dict[str, Field] = {}
    values: dict[Field, list[object]] = {}
    for row in islice(rows, _SAMPLE_ROWS):
        try:
            said = check.reader.read(row.raw)
        except RejectedRowError:  # Rejected with its line.
            continue
        for field, value in said.items():
            values.setdefault(field, []).append(value)
        fields |= _named(check, row)
    fields = check.reader.names() | fields
    lines = [_line(name, field) for name, field in fields.items()]
    asked_for = {("attributes", name) for name in check.recipient_fields}
    warnings = [
        f"column {quoted(name)} looks like contact data and is kept as an attribute; rename it to "
        "the field it is, like email, phone or whatsapp, if people are to be reached by it"
        for name, field in fields.items()
        if field[0] == "attributes"
        and field not in asked_for
        and _looks_like_contact(name, values.get(field, []))
    ]
    return lines, warnings


def _named(check: RowCheck, row: SourceRow) -> Mapping[str, Field]:
    """The names a row of JSON brings itself."""
    if not isinstance(row.raw, str):
        return {}
    flat = [name for name in json.loads(row.raw) if name not in NESTED]
    return {name: check.reader.field_of(name) for name in flat}


def _line(name: str, field: Field) -> str:
    if field[0] != "attributes":
        return f"{field[-1]} <- {name}"
    kept = "attribute" if field[-1] == column_name(name) else f"attribute {field[-1]}"
    return f"{kept} <- {name}"


def _looks_like_contact(name: str, values: Sequence[object]) -> bool:
    if _CONTACT_WORDS.search(column_name(name)):
        return True
    texts = [value for value in values if isinstance(value, str)]
    return bool(texts) and sum(map(_is_address, texts)) * 2 > len(texts)


def _is_address(text: str) -> bool:
    if _LIKE_A_MAILBOX.fullmatch(text):
        return True
    try:
        return text.startswith("+") and bool(to_e164(text))
    except ValueError:
        return False
