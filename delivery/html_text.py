"""A readable plain text out of an HTML body."""

import re
from html.parser import HTMLParser
from typing import Final

#: Elements that stand on a line of their own.
_BREAKING: Final = re.compile(
    "address|article|aside|blockquote|br|div|dd|dl|dt|figure|footer|h[1-6]|header|hr|li|main|nav|"
    "ol|p|pre|section|table|tr|ul"
)
#: Their content is not for reading.
_SILENT: Final = frozenset({"head", "script", "style", "template", "title"})


def html_to_text(html: str) -> str:
    """Derive the plain-text alternative of a body that only exists as HTML.

    Keeps words, line structure and link targets; drops markup, styles, scripts.

    Args:
        html: a document or a fragment, well-formed or not.

    Returns:
        Text without trailing blanks and without more than one empty line in a row.
    """
    reader = _TextReader()
    reader.feed(html)
    reader.close()
    lines = (re.sub(r"[^\S\n]+", " ", line).strip() for line in "".join(reader.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _TextReader(HTMLParser):
    """Collects what a person would read."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent_depth = 0
        self._links: list[tuple[str | None, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag in _SILENT:
            self._silent_depth += 1
        elif _BREAKING.fullmatch(tag):
            self.parts.append("\n- " if tag == "li" else "\n")
        elif tag == "a":
            self._links.append((attributes.get("href"), len(self.parts)))
        elif tag == "img" and attributes.get("alt"):
            self.parts.append(f"[{attributes['alt']}]")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent_depth = max(0, self._silent_depth - 1)
        elif tag == "a" and self._links:
            href, start = self._links.pop()
            # A link that shows its own target would read twice.
            if href and href not in "".join(self.parts[start:]):
                self.parts.append(f" ({href})")
        elif _BREAKING.fullmatch(tag):
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent_depth:
            # Line breaks in the source are only spaces to a reader.
            self.parts.append(re.sub(r"\s+", " ", data))
