"""The words of an HTML document."""

from html.parser import HTMLParser


def words_of_html(document: str) -> str:
    """The text a reader sees of a document, in one line."""
    reader = _WordsOfHtml()
    reader.feed(document)
    reader.close()
    return " ".join(" ".join(reader.words).split())


class _WordsOfHtml(HTMLParser):
    """Collects the text a reader sees of an HTML document."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden_by: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._hidden_by is None and tag in ("script", "style", "title"):
            self._hidden_by = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._hidden_by:
            self._hidden_by = None

    def handle_data(self, data: str) -> None:
        if self._hidden_by is None:
            self.words.append(data)
