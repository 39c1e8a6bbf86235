"""The part of Liquid that message templates may use, and its limits.

Templates come from outside. They can loop and calculate, so whatever could run away is
bounded; and a rendering depends on template and fields only, so what reads the clock
or the machine's time zone is left out.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache, wraps
from typing import Any, Final

from liquid import BoundTemplate, Environment, RenderContext, Token
from liquid.ast import Node
from liquid.builtin.expressions.primitive import IntegerLiteral, RangeLiteral
from liquid.exceptions import (
    FilterArgumentError,
    LiquidError,
    LiquidSyntaxError,
    OutputStreamLimitError,
    UnknownFilterError,
)
from liquid.expression import Expression
from liquid.undefined import UNDEFINED, FalsyStrictUndefined
from liquid.utils import ReadOnlyChainMap

from contracts.base import MAX_BODY_CHARACTERS

#: Parsed templates kept; a campaign has a few and sends each to thousands of people.
PARSED_TEMPLATES: Final = 128

#: Rounds of a loop, or of nested loops multiplied.
MAX_ITERATIONS: Final = 1_000

#: Characters two operands of `replace` or `join` may come to when multiplied, which is
#: what the result can grow to before its own length is looked at.
MAX_PRODUCT: Final = 100 * MAX_BODY_CHARACTERS

#: Numbers a template calculates stay below this; unbounded ones would take ever longer.
MAX_NUMBER: Final = 10**30

#: Tags that load other templates (there are none) or write HTML into plain text.
_REMOVED_TAGS: Final = ("include", "render", "tablerow")

#: `safe` would let a recipient's name through as HTML, `url_decode` a NUL character;
#: the Base64 filters have no use in a message.
_REMOVED_FILTERS: Final = (
    "safe",
    "url_decode",
    "base64_encode",
    "base64_decode",
    "base64_url_safe_encode",
    "base64_url_safe_decode",
)

_MULTIPLYING_FILTERS: Final = ("join", "replace")

#: Characters of values with which a plain template stays within its limits, even if each of
#: them stands in every place and is escaped for HTML.
MAX_PLAIN_VALUES: Final = 1_000
_MOST_PLAIN_PLACES: Final = 50

_BARE_FIELD: Final = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}", re.ASCII)

_Filter = Callable[..., Any]


class MissingField(FalsyStrictUndefined):
    """A field the recipient lacks: it may be tested and given a default, not shown.

    The message of the error it raises is the bare name of the field.
    """

    def __init__(
        self,
        name: str,
        *,
        token: Token | None = None,
        obj: object = UNDEFINED,
        hint: str | None = None,
    ) -> None:
        path, is_path, _ = (hint or "").partition(" is undefined")
        super().__init__(name, token=token, obj=obj, hint=path.strip("'") if is_path else name)


class MessageContext(RenderContext):
    """What names in a template stand for: its own variables and the fields given.

    Liquid's `now` and `today` are not among them: a message must read the same when
    its length is checked and when it is sent.
    """

    def __init__(
        self,
        template: BoundTemplate,
        *,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - Liquid's name for it
    ) -> None:
        super().__init__(template, globals=globals)
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)


class MessageTemplate(BoundTemplate):
    """A parsed template; immutable, so any number of threads may fill it in at once."""

    context_class = MessageContext

    def make_partial_namespace(
        self,
        partial: bool,
        render_args: Mapping[str, object],
    ) -> Mapping[str, object]:
        """Keep the name `partial` free for a field."""
        return render_args


class MessageEnvironment(Environment):
    """The language of message templates."""

    block_nesting_limit = 20
    loop_iteration_limit = MAX_ITERATIONS
    #: Bytes; four hold any character.
    output_stream_limit = 4 * MAX_BODY_CHARACTERS
    local_namespace_limit = 8 * MAX_BODY_CHARACTERS
    template_class = MessageTemplate

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Register Liquid's standard tags and filters without the removed, each bounded."""
        super().setup_tags_and_filters(extra=extra)
        for tag in _REMOVED_TAGS:
            del self.tags[tag]
        for name in _REMOVED_FILTERS:
            del self.filters[name]
        self.filters["date"] = _date
        for name, plain in self.filters.items():
            self.filters[name] = _bounded(name, plain)


@lru_cache(maxsize=PARSED_TEMPLATES)
def parse(source: str, *, html: bool) -> BoundTemplate:
    """Parse a template and check what can be checked without a recipient.

    Args:
        source: the template.
        html: escape every value for HTML.

    Raises:
        LiquidError: the syntax is wrong, a filter is unknown, or a range is too long.
    """
    template = (_HTML if html else _TEXT).from_string(source)
    for name in template.analyze(include_partials=False).filters:
        if name not in template.env.filters:
            raise UnknownFilterError(f"there is no filter {name!r}", token=None)
    for expression in _expressions(template):
        if isinstance(expression, RangeLiteral):
            _require_short(expression)
    return template


@lru_cache(maxsize=PARSED_TEMPLATES)
def named_fields(source: str, *, html: bool) -> tuple[str, ...]:
    """The fields a template names, shown or only tested; its own variables are none.

    Raises:
        LiquidError: see `parse`.
    """
    return tuple(parse(source, html=html).analyze(include_partials=False).globals)


@lru_cache(maxsize=PARSED_TEMPLATES)
def plain_fields(source: str, *, html: bool) -> frozenset[str] | None:
    """The fields of a template that is text with bare fields in it, as most are.

    Filled in with values of at most `MAX_PLAIN_VALUES` characters together it cannot fail,
    nor come out empty.

    Returns:
        The names; None for a template that is more, or is very long.
    """
    rest, places = _BARE_FIELD.subn("", source)
    if "{{" in rest or "{%" in rest or not rest.strip():
        return None
    if len(rest) > MAX_BODY_CHARACTERS // 2 or places > _MOST_PLAIN_PLACES:
        return None
    try:
        parse(source, html=html)
    except (LiquidError, MemoryError, RecursionError):
        return None
    return frozenset(_BARE_FIELD.findall(source))


def _expressions(template: BoundTemplate) -> Iterator[Expression]:
    """Every expression of a template, however deep."""
    context = RenderContext(template)
    waiting: list[Node | Expression] = list(template.nodes)
    while waiting:
        part = waiting.pop()
        if isinstance(part, Expression):
            yield part
            waiting.extend(part.children())
        else:
            waiting.extend(part.expressions())
            waiting.extend(part.children(context, include_partials=False))


def _require_short(literal: RangeLiteral) -> None:
    """Refuse ranges that are long, or as long as a field says.

    Liquid's own loop limit comes too late: it walks a range for `offset`, `reversed`,
    `contains` and filters before it counts the rounds of a loop.
    """
    ends = [end.value for end in (literal.start, literal.stop) if isinstance(end, IntegerLiteral)]
    if len(ends) != 2 or ends[1] - ends[0] >= MAX_ITERATIONS:
        raise LiquidSyntaxError(
            f"a range takes two whole numbers and at most {MAX_ITERATIONS} steps, like (1..3)",
            token=literal.token,
        )


def _bounded(name: str, plain: _Filter) -> _Filter:
    """A filter that refuses missing fields (save `default`) and oversized results."""

    @wraps(plain)
    def bounded(value: object, *args: object, **kwargs: object) -> object:
        for operand in (value, *args):
            if isinstance(operand, MissingField) and name != "default":
                str(operand)  # raises; some filters would take it for 0
        if name in _MULTIPLYING_FILTERS:
            _require_fitting((_length(value) + 1) * max(map(_length, args), default=1), MAX_PRODUCT)
        result = plain(value, *args, **kwargs)
        _require_fitting(_length(result), MAX_BODY_CHARACTERS)
        if isinstance(result, int):
            _require_fitting(abs(result), MAX_NUMBER)
        return result

    return bounded


def _length(value: object) -> int:
    return len(value) if isinstance(value, str | list) else 1


def _require_fitting(size: int, limit: int) -> None:
    if size > limit:
        raise OutputStreamLimitError("a filter makes something too large", token=None)


def _date(value: object, pattern: object) -> str:
    """Write a time given in ISO 8601 form by a strftime pattern, in the zone it is in."""
    try:
        return datetime.fromisoformat(str(value)).strftime(str(pattern))
    except ValueError as error:
        raise FilterArgumentError("date takes a time like 2026-11-30", token=None) from error


_TEXT: Final = MessageEnvironment(undefined=MissingField)
_HTML: Final = MessageEnvironment(undefined=MissingField, autoescape=True)
