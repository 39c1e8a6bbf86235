"""The values in a template: numbers, times, comparisons, and missing fields.

Liquid takes any text for 0 where it needs a number, and answers no when it compares `'80'`
with 100. A sum must not be wrong in silence, so here a text counts as the number it is
written as, and as nothing else.
"""

import math
import operator
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from liquid import RenderContext, Token
from liquid.builtin.expressions import Path
from liquid.builtin.expressions.logical import (
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LtExpression,
    NeExpression,
    _eq,
)
from liquid.builtin.tags.case_tag import _AnyExpression
from liquid.exceptions import FilterArgumentError
from liquid.expression import Expression
from liquid.undefined import UNDEFINED, FalsyStrictUndefined

from madan_sara.policy.template_work import value_price

Number = int | float

#: Numbers stay below this; unbounded ones would take ever longer to calculate with.
MAX_NUMBER: Final = 10**30
_LONGEST_NUMBER: Final = 40
_LONGEST_PATTERN: Final = 200
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE)

#: Directives of `strftime` that mean the same on every machine, with `-` for no zero in front.
_DIRECTIVES: Final = frozenset("aAbBdefGHIjmMpSuUVwWyYzZ%")
_DIRECTIVE: Final = re.compile(r"%(-?)(.?)", re.DOTALL)
_PADDED: Final = frozenset("dmHIMSyj")


class ValueNotUsableError(FilterArgumentError):
    """A value cannot be used; the message says what is needed, never the value."""

    def __init__(self, needed: str) -> None:
        super().__init__(needed, token=None)
        self.needed = needed

    def __str__(self) -> str:
        return self.needed


class MissingField(FalsyStrictUndefined):
    """A field the recipient lacks: it may be tested and given a default, not shown.

    The message of the error it raises is the field as the template's author wrote it:
    `town[name]`, and not the value of `name`.
    """

    def __init__(
        self,
        name: str,
        *,
        token: Token | None = None,
        obj: object = UNDEFINED,
        hint: str | None = None,
    ) -> None:
        super().__init__(name, token=token, obj=obj, hint=name)


class FieldPath(Path):
    """A field or variable, looked up for a price, and known by the name it is written with."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> object:
        """Its value."""
        value = super().evaluate(context)
        if isinstance(value, MissingField):
            root = str(self.path[0])
            return MissingField(str(self) if root in context.scope else root, token=self.token)
        context.spend(value_price(value))  # type: ignore[attr-defined]
        return value


class _Equal(EqExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        return _equal(self.left.evaluate(context), self.right.evaluate(context))


class _Unequal(NeExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        return not _equal(self.left.evaluate(context), self.right.evaluate(context))


class _Below(LtExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        return _ordered(operator.lt, self.left.evaluate(context), self.right.evaluate(context))


class _Above(GtExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        return _ordered(operator.gt, self.left.evaluate(context), self.right.evaluate(context))


class _NotAbove(LeExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        return _ordered(operator.le, self.left.evaluate(context), self.right.evaluate(context))


class _NotBelow(GeExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        return _ordered(operator.ge, self.left.evaluate(context), self.right.evaluate(context))


class _AnyOf(_AnyExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> list[bool]:
        left = self.left.evaluate(context)
        return [_equal(left, right.evaluate(context)) for right in self.expressions]


#: Our expressions instead of Liquid's; they differ in `evaluate` only.
COMPARISONS: Final[dict[type[Expression], type[Expression]]] = {
    EqExpression: _Equal,
    NeExpression: _Unequal,
    LtExpression: _Below,
    GtExpression: _Above,
    LeExpression: _NotAbove,
    GeExpression: _NotBelow,
    _AnyExpression: _AnyOf,
}


def number(value: object) -> Number:
    """A number, or a text that is written as one, like `1250.50`.

    Raises:
        ValueNotUsableError: it is none, has no end or more than 30 digits.
    """
    read = _as_number(value)
    if read is None or not math.isfinite(read) or abs(read) >= MAX_NUMBER:
        raise ValueNotUsableError("needs a number, written like 1250.50")
    return read


def as_date(value: object, pattern: object) -> str:
    """Write a time given in ISO 8601 form by a strftime pattern, in the zone it is in.

    Raises:
        ValueNotUsableError: the time is none, or the pattern has a directive that depends on the
            machine, as `%s` and `%c` do.
    """
    text = require_pattern(pattern)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueNotUsableError(
            "needs a time, written like 2026-11-30 or 2026-11-30T18:00"
        ) from None
    return _DIRECTIVE.sub(lambda found: _written(moment, *found.groups()), text)


def require_pattern(pattern: object) -> str:
    """A pattern of dates whose directives mean the same everywhere.

    Raises:
        ValueNotUsableError: it has another.
    """
    text = str(pattern)
    known = all(
        directive in (_PADDED if dash else _DIRECTIVES)
        for dash, directive in _DIRECTIVE.findall(text)
    )
    if not known or len(text) > _LONGEST_PATTERN:
        allowed = " ".join(f"%{directive}" for directive in sorted(_DIRECTIVES))
        raise ValueNotUsableError(
            f"takes a pattern of at most {_LONGEST_PATTERN} characters with {allowed}"
        )
    return text


def _written(moment: datetime, dash: str, directive: str) -> str:
    # glibc writes years below 1000 with fewer digits, and others have no `%e`.
    own = {"Y": f"{moment.year:04}", "e": f"{moment.day:2}", "%": "%"}
    written = own.get(directive) or moment.strftime(f"%{directive}")
    return written.lstrip("0") or "0" if dash else written


def _as_number(value: object) -> Number | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str) or len(value) > _LONGEST_NUMBER:
        return None
    written = value.strip()
    if not _NUMBER.fullmatch(written):
        return None
    return int(written) if written.lstrip("+-").isdigit() else float(written)


def _equal(left: object, right: object) -> bool:
    for one, other in ((left, right), (right, left)):
        if isinstance(other, int | float) and not isinstance(other, bool) and isinstance(one, str):
            return _as_number(one) == other
    return bool(_eq(left, right))


def _ordered(compare: Callable[[Any, Any], Any], left: object, right: object) -> bool:
    """Compare two numbers or two texts; a field that is missing is neither below nor above.

    Raises:
        ValueNotUsableError: only one of them is a number.
    """
    if any(value is None or isinstance(value, MissingField) for value in (left, right)):
        return False
    read = _as_number(left), _as_number(right)
    if None not in read:
        return bool(compare(*read))
    if read == (None, None) and isinstance(left, str) and isinstance(right, str):
        return bool(compare(left, right))
    raise ValueNotUsableError("a comparison needs two numbers, written like 1250.50, or two texts")
