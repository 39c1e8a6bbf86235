"""A plain text, laid out word by word."""

import re
from typing import Final

#: The white space of HTML; other blanks are characters.
_BLANKS: Final = re.compile(r"[ \t\n\r\f]+")
#: Shown as nothing, or as a plain blank.
_SOFT: Final = str.maketrans({"\u00a0": " ", "\u00ad": None, "\u200b": None, "\ufeff": None})
_INDENT: Final = "  "
#: Lists nested deeper are not indented further.
_DEEPEST: Final = 8


class TextPage:
    """Collects words; blanks and line breaks wait until something stands behind them."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._breaks = 0
        self._gap = ""
        self._preserved = 0
        #: The number of the last item of each open list; None: its items have none.
        self._lists: list[int | None] = []
        self._bullet = ""
        self._links: list[int] = []

    @property
    def is_in_list(self) -> bool:
        """Whether a list is open."""
        return bool(self._lists)

    def write(self, text: str) -> None:
        """Add text; white space in it is one blank, unless it is preserved."""
        if self._preserved:
            for number, line in enumerate(text.split("\n")):
                if number:
                    self._add("\n")
                if line:
                    self._add(line)
            return
        words = _BLANKS.sub(" ", text)
        if words.startswith(" "):
            self._gap = self._gap or " "
        if words.strip(" "):
            self._add(words.strip(" "))
            self._gap = " " if words.endswith(" ") else ""

    def end_line(self) -> None:
        """End the line, also an empty one."""
        self._breaks += 1

    def break_line(self, *, empty_line: bool = False) -> None:
        """Begin the following text on a line of its own, or after an empty one."""
        self._breaks = max(self._breaks, 2 if empty_line else 1)

    def next_cell(self) -> None:
        """Separate the following text in the line."""
        self._gap = "\t"

    def preserve(self) -> None:
        """Keep white space as it is, until `collapse` is called as often."""
        self._preserved += 1

    def collapse(self) -> None:
        """End the preserved text that `preserve` began."""
        self._preserved -= 1

    def begin_list(self, *, numbered: bool) -> None:
        """Begin a list inside those that are open."""
        self._lists.append(0 if numbered else None)

    def end_list(self) -> None:
        """End the list begun last."""
        self._lists.pop()
        self._bullet = ""

    def begin_item(self) -> None:
        """Put a bullet, or the next number, before the following text."""
        number = self._lists[-1] if self._lists else None
        if number is not None:
            number += 1
            self._lists[-1] = number
        indent = _INDENT * min(len(self._lists) - 1, _DEEPEST)
        self._bullet = f"{indent}- " if number is None else f"{indent}{number}. "

    def begin_link(self) -> None:
        """Remember where the words of a link begin."""
        self._links.append(len(self._parts))

    def end_link(self, target: str) -> None:
        """Put the target after the words of the link, unless they show it already."""
        shown = "".join(self._parts[self._links.pop() :]).strip()
        if not target or target in shown:
            return
        self._gap = self._gap or " "
        self._add(f"({target})" if shown else target)
        self._gap = "" if shown else " "

    def text(self) -> str:
        """The page, without blanks at the ends of lines."""
        lines = (line.rstrip() for line in "".join(self._parts).translate(_SOFT).split("\n"))
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")

    def _add(self, piece: str) -> None:
        if self._breaks and self._parts:
            self._parts.append("\n" * self._breaks)
        elif self._gap and self._parts:
            self._parts.append(self._gap)
        self._parts.append(self._bullet + piece)
        self._breaks, self._gap, self._bullet = 0, "", ""
