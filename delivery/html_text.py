"""A readable plain text out of an HTML body.

The HTML is read by the parser of the HTML standard, as browsers read it: with the elements that
are implied, and without those that close nothing.
"""

import re
from typing import Final

from justhtml import Element, JustHTML, Node, Text

from madan_sara.delivery.text_page import TextPage


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


#: Elements that stand on lines of their own, as in the style sheet of the HTML standard (15.3).
_BLOCKS: Final = _names(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol "
    "optgroup p pre search section summary table tr ul"
)
#: Blocks with a margin: an empty line before and after.
_SPACED: Final = _names("blockquote dir dl figure h1 h2 h3 h4 h5 h6 hr menu ol p pre ul")
#: Boxes beside each other.
_BOXES: Final = _names("button input label option select textarea")
_CELLS: Final = _names("td th")
_LISTS: Final = _names("dir menu ol ul")
_PRESERVED: Final = _names("listing pre textarea xmp")
#: Never shown. No mail program runs scripts, so that `noscript` is.
_SILENT: Final = _names(
    "area audio canvas datalist embed head iframe noembed noframes object script style template "
    "title video"
)
_HIDING_STYLE: Final = re.compile(r"(display\s*:\s*none|visibility\s*:\s*hidden)\b")
_LINKED: Final = re.compile(r"(https?|mailto|tel):", re.IGNORECASE)


def html_to_text(html: str) -> str:
    """Derive the plain-text alternative of a body that only exists as HTML.

    Keeps words, line structure and link targets; drops markup, styles, scripts and what is
    hidden. Cells of a table stand in one line, with a tab between.

    Args:
        html: a document or a fragment, well-formed or not.

    Returns:
        Text without trailing blanks and without more than one empty line in a row.
    """
    document = JustHTML(html, sanitize=False, scripting_enabled=False)
    page = TextPage()
    # A stack of our own: elements may be nested deeper than calls.
    ahead: list[tuple[Node | Text, bool]] = [(document.root, False)]
    while ahead:
        node, left = ahead.pop()
        if isinstance(node, Text):
            page.write(node.data or "")
        elif left:
            _leave(page, node)
        elif not _is_hidden(node):
            _enter(page, node)
            ahead.append((node, True))
            ahead.extend((child, False) for child in reversed(node.children or ()))
    return page.text()


def _is_hidden(node: Node) -> bool:
    if not isinstance(node, Element):
        return False
    style = node.attrs.get("style")
    return (
        node.name in _SILENT
        or "hidden" in node.attrs
        or (style is not None and _HIDING_STYLE.search(style.lower()) is not None)
    )


def _enter(page: TextPage, node: Node) -> None:
    name, attributes = node.name, node.attrs or {}
    _part(page, name)
    if name in _PRESERVED:
        page.preserve()
    elif name in _LISTS:
        page.begin_list(numbered=name == "ol")
    elif name == "li":
        page.begin_item()
    elif name == "a":
        page.begin_link()
    elif name == "br":
        page.end_line()
    elif name == "img" and (attributes.get("alt") or "").strip():
        page.write(f"[{attributes['alt']}]")


def _leave(page: TextPage, node: Node) -> None:
    name, attributes = node.name, node.attrs or {}
    if name in _PRESERVED:
        page.collapse()
    elif name in _LISTS:
        page.end_list()
    elif name == "a":
        target = (attributes.get("href") or "").strip()
        page.end_link(target if _LINKED.match(target) else "")
    _part(page, name)


def _part(page: TextPage, name: str) -> None:
    """An element's effect on the text around it, at both of its ends."""
    if name in _SPACED and not (name in _LISTS and page.is_in_list):
        page.break_line(empty_line=True)
    elif name in _BLOCKS:
        page.break_line()
    elif name in _CELLS:
        page.next_cell()
    elif name in _BOXES:
        page.write(" ")
