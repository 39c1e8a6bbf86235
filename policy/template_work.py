"""The work of filling in a template, counted as it is done, and its limit.

Time would be the wrong measure: a busy machine would refuse a message that an idle one has
passed. So work is counted, in units of about a microsecond: every node each time it is
rendered, every value that is looked up, every filter by its operands. Reading a template is
bounded by its characters, because some patterns take time by their square.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol, TextIO

from liquid import BoundTemplate, Environment, RenderContext
from liquid.ast import BlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions.primitive import RangeLiteral, StringLiteral
from liquid.exceptions import LiquidSyntaxError, LoopIterationLimitError
from liquid.expression import Expression
from liquid.stream import TokenStream
from liquid.tag import Tag

#: Units one filling-in may take: at most some tenths of a second, a thousand times what a
#: long letter takes.
MAX_WORK: Final = 100_000

#: Characters of a template's tags, of one and of all, without the text between them.
MAX_TAG_CHARACTERS: Final = 1_000
MAX_CODE_CHARACTERS: Final = 20_000
#: Each looks for its end from its beginning.
MAX_RAW_BLOCKS: Final = 20

#: Characters that are looked at or copied in one unit.
_CHARACTERS_A_UNIT: Final = 50

#: Filters that compare everything with everything, or may: see `filter_price`.
_SQUARE_IN_ITEMS: Final = frozenset({"uniq"})
_SORTING: Final = frozenset({"sort", "sort_natural"})
_SEARCHING_BACKWARDS: Final = frozenset({"remove_last", "replace_last"})
_SQUARE_IN_CHARACTERS: Final = frozenset({"strip_html"})

_OPENING: Final = re.compile(r"\{\{|\{%")
_CLOSING: Final[Mapping[str, str]] = {"{{": "}}", "{%": "%}"}
_RAW: Final = re.compile(r"\{%-?\s{0,9}raw")


class Spender(Protocol):
    """Counts the work of one filling-in."""

    def spend(self, units: int) -> None:
        """Count work, and stop when it is too much."""


class WorkLimitError(LoopIterationLimitError):
    """A template takes more work than a message may."""


class Priced(Node):
    """A node that is paid for each time it is rendered."""

    __slots__ = ("node", "price")

    def __init__(self, node: Node) -> None:
        super().__init__(node.token)
        self.node = node
        self.blank = node.blank
        #: Units of its contents without other priced nodes; see `price_nodes`.
        self.price = 1

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Pay, then render the node."""
        context.spend(self.price)  # type: ignore[attr-defined]
        return self.node.render_to_output(context, buffer)

    def children(
        self,
        static_context: RenderContext,
        *,
        include_partials: bool = True,
    ) -> Iterable[Node]:
        """The node itself."""
        return [self.node]


class PricedTag(Tag):
    """A tag whose nodes are paid for.

    Args:
        env: the environment it is registered in.
        tag: the tag.
    """

    def __init__(self, env: Environment, tag: Tag) -> None:
        super().__init__(env)
        self.name, self.block, self.end = tag.name, tag.block, tag.end
        self._tag = tag

    def parse(self, stream: TokenStream) -> Node:
        """Parse the tag into its node."""
        return Priced(self._tag.get_node(stream))


def require_readable(source: str) -> None:
    """Refuse a template whose tags take too long to be read.

    Raises:
        LiquidSyntaxError: a tag is not closed or long, or there are many.
    """
    characters = 0
    for opening in _OPENING.finditer(source):
        start = opening.start()
        end = source.find(_CLOSING[opening[0]], start, start + MAX_TAG_CHARACTERS)
        if end < 0:
            raise LiquidSyntaxError(
                f"{opening[0]} is not followed by {_CLOSING[opening[0]]} within "
                f"{MAX_TAG_CHARACTERS:,} characters{_line(source, start)}",
                token=None,
            )
        characters += end - start
    if characters > MAX_CODE_CHARACTERS or len(_RAW.findall(source)) > MAX_RAW_BLOCKS:
        raise LiquidSyntaxError(
            f"it has too many tags; {MAX_CODE_CHARACTERS:,} characters of them are read, and "
            f"{MAX_RAW_BLOCKS} raw blocks",
            token=None,
        )


def price_nodes(template: BoundTemplate) -> Iterator[Expression]:
    """Put a price on every node of a template.

    Returns:
        Every expression of the template, however deep.
    """
    context = RenderContext(template)
    waiting = [node for node in template.nodes if isinstance(node, Priced)]
    while waiting:
        priced = waiting.pop()
        for part in _own_parts(priced.node, context):
            if isinstance(part, Priced):
                waiting.append(part)
            else:
                priced.price += _price(part)
                if isinstance(part, Expression):
                    yield part


def _own_parts(node: Node, context: RenderContext) -> Iterator[Node | Expression]:
    """The parts looked at when a node is rendered, and the priced nodes right below it."""
    waiting: list[Node | Expression] = [node]
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, Expression):
            waiting.extend(part.children())
        elif not isinstance(part, Priced):
            waiting.extend(part.expressions())
            waiting.extend(part.children(context, include_partials=False))


def _price(part: Node | Expression) -> int:
    if isinstance(part, ContentNode):
        return len(part.text) // _CHARACTERS_A_UNIT
    if isinstance(part, StringLiteral):
        return 1 + len(part.value) // _CHARACTERS_A_UNIT
    if isinstance(part, RangeLiteral):
        return 250  # The longest there may be, by the item.
    return 0 if isinstance(part, BlockNode) else 1


def value_price(value: object) -> int:
    """Units of looking a value up, and of comparing or showing it."""
    if isinstance(value, str):
        return 1 + len(value) // _CHARACTERS_A_UNIT
    if isinstance(value, list | tuple | range):
        return 1 + len(value) // 4
    return 1


def filter_price(name: str, operands: Sequence[object]) -> int:
    """Units of a filter.

    Args:
        name: the filter.
        operands: the value it is used on, then its arguments.
    """
    characters, items = 0, 0
    for operand in operands:
        characters += size_of(operand)
        items += len(operand) if isinstance(operand, list | tuple | range) else 1
    price = items + characters // _CHARACTERS_A_UNIT * 4
    if name in _SQUARE_IN_ITEMS:
        price += items * items // 50
    elif name in _SORTING:
        price += items * items.bit_length() // 8
    elif name in _SQUARE_IN_CHARACTERS:
        price += characters * characters // 10_000
    elif name in _SEARCHING_BACKWARDS and len(operands) > 1:
        price += size_of(operands[0]) * size_of(operands[1]) // 1_000
    return price


def grown_size(name: str, operands: Sequence[object]) -> int:
    """Characters made by a filter that multiplies its value; else 0."""
    if name == "join":
        value, *separator = operands
        items = len(value) if isinstance(value, list | tuple | range) else 1
        return size_of(value) + items * sum(map(size_of, separator))
    if name == "replace" and len(operands) > 2:
        text, replaced, by = map(str, operands[:3])
        return len(text) + text.count(replaced) * len(by)
    return 0


def size_of(value: object) -> int:
    """Characters of a text, or of all items of a list; 1 for other values."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list | tuple):
        return sum([1 + len(item) if isinstance(item, str) else 1 for item in value])
    return len(value) if isinstance(value, range) else 1


def _line(source: str, position: int) -> str:
    return f" (line {source.count(chr(10), 0, position) + 1})"
