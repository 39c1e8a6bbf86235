"""The part of Liquid that message templates may use, and its limits.

Templates come from outside. They can loop and calculate, so all that could run away is
bounded; and a rendering depends on template and fields only, so filters that read the clock
or the machine's time zone are left out.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from liquid import BoundTemplate, Environment, RenderContext
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import Path
from liquid.exceptions import LiquidError, UnknownFilterError
from liquid.expression import Expression
from liquid.utils import ReadOnlyChainMap

from madan_sara.contracts.base import MAX_BODY_CHARACTERS
from madan_sara.policy.template_checks import MAX_ITERATIONS, require_usable
from madan_sara.policy.template_filters import message_filters
from madan_sara.policy.template_values import COMPARISONS, FieldPath, MissingField
from madan_sara.policy.template_work import (
    MAX_WORK,
    Priced,
    PricedTag,
    WorkLimitError,
    price_nodes,
    require_readable,
)

#: Parsed templates kept; a campaign has a few and sends each to thousands of people.
PARSED_TEMPLATES: Final = 128

#: Tags that load other templates (there are none), write HTML into plain text, or only repeat
#: other tags in many lines.
_REMOVED_TAGS: Final = ("include", "render", "tablerow", "liquid", "doc")


#: Characters of values with which a plain template stays within its limits, even if each is
#: used for every field and is escaped for HTML.
MAX_PLAIN_VALUES: Final = 1_000
_MOST_PLAIN_FIELDS: Final = 50

#: Characters that may follow the name of a field.
_WHOLE: Final[tuple[list[object], ...]] = ([], ["size"])

_BARE_FIELD: Final = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}", re.ASCII)


class MessageContext(RenderContext):
    """The variables of a template: its own and the fields given.

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
        self._left = MAX_WORK

    def spend(self, units: int) -> None:
        """Count work.

        Raises:
            WorkLimitError: more than `MAX_WORK` was done.
        """
        self._left -= units
        if self._left < 0:
            raise WorkLimitError("too much work", token=None)

    def assign(self, key: str, val: object) -> None:
        """Set a variable; the size of all of them is summed up each time."""
        self.spend(1 + len(self.locals) // 4)
        super().assign(key, val)


class MessageTemplate(BoundTemplate):
    """A parsed template; immutable, so many threads may fill it in at once."""

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
        """Register Liquid's standard tags and filters without the removed, each paid for."""
        super().setup_tags_and_filters(extra=extra)
        for name in _REMOVED_TAGS:
            del self.tags[name]
        for name, tag in self.tags.items():
            self.tags[name] = PricedTag(self, tag)
        self.filters = message_filters(self.filters)


@lru_cache(maxsize=PARSED_TEMPLATES)
def parse(source: str, *, html: bool) -> BoundTemplate:
    """Parse a template and check what can be checked without a recipient.

    Args:
        source: the template.
        html: escape every value for HTML.

    Raises:
        LiquidError: the syntax is wrong, a filter is unknown or cannot work with what the
            template gives it, or reading or a range takes too long.
    """
    require_readable(source)
    template = (_HTML if html else _TEXT).from_string(source)
    for name in template.analyze(include_partials=False).filters:
        if name not in template.env.filters:
            raise UnknownFilterError(f"there is no filter {name!r}", token=None)
    expressions = list(price_nodes(template))
    for expression in expressions:
        # Their contents stay; they are evaluated our way.
        expression.__class__ = _OURS.get(type(expression), type(expression))
    context = MessageContext(template)
    for expression in expressions:
        require_usable(expression, context)
    return template


@lru_cache(maxsize=PARSED_TEMPLATES)
def named_fields(source: str, *, html: bool) -> Mapping[str, tuple[str, ...]]:
    """The fields a template names, shown or only tested; its own variables are none.

    Returns:
        By each field, the parts of it that are named, like `name.first`. A text has none but
        its `size`.

    Raises:
        LiquidError: see `parse`.
    """
    named = parse(source, html=html).analyze(include_partials=False).globals
    return {
        name: tuple(dict.fromkeys(str(use) for use in uses if use.segments[1:] not in _WHOLE))
        for name, uses in named.items()
    }


@lru_cache(maxsize=PARSED_TEMPLATES)
def plain_fields(source: str, *, html: bool) -> frozenset[str] | None:
    """The fields of a template that is text with bare fields in it, as most are.

    Filled in with values of at most `MAX_PLAIN_VALUES` characters together it cannot fail,
    nor come out empty.

    Returns:
        The names; None for a template that is more, or is very long.
    """
    rest, fields = _BARE_FIELD.subn("", source)
    if "{{" in rest or "{%" in rest or not rest.strip():
        return None
    if len(rest) > MAX_BODY_CHARACTERS // 2 or fields > _MOST_PLAIN_FIELDS:
        return None
    try:
        parse(source, html=html)
    except (LiquidError, MemoryError, RecursionError):
        return None
    return frozenset(_BARE_FIELD.findall(source))


@lru_cache(maxsize=PARSED_TEMPLATES)
def certain_text(source: str) -> str:
    """The words a plain text says with any fields.

    Returns:
        Its own words outside of tags; none for a template that cannot be read.
    """
    try:
        nodes = parse(source, html=False).nodes
    except (LiquidError, MemoryError, RecursionError):
        return ""
    inner = (node.node if isinstance(node, Priced) else node for node in nodes)
    return "".join(node.text for node in inner if isinstance(node, ContentNode))


_OURS: Final[Mapping[type[Expression], type[Expression]]] = {Path: FieldPath, **COMPARISONS}
_TEXT: Final = MessageEnvironment(undefined=MissingField)
_HTML: Final = MessageEnvironment(undefined=MissingField, autoescape=True)
