"""Looks for people in a run's histories and logs."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from madan_sara.worker.log import EventLine

#: The names, the addresses and the texts of the tests' people.
#: No campaign, reason or code has any of it.
OF_PEOPLE: Final = ("marie", "jane smith", "kretyen", "@example.", "+5093", "jacmel", "bonjou")

#: Loggers of the emulators: a mail server knows to whom a mail goes.
_OTHER_SIDES: Final = ("mail.", "uvicorn")


def people_found(folder: Path, words: Iterable[str] = OF_PEOPLE) -> list[str]:
    """The words found in files, in any case.

    Args:
        folder: A log, or a folder of logs, or of a Temporal server, whose database keeps
            histories as they are sent.
        words: What to look for.
    """
    assert folder.exists(), folder
    files = [file for file in (folder, *folder.rglob("*")) if file.is_file()]
    sought = [(word, word.lower().encode()) for word in words]
    return [
        f"{word!r} in {file.name}"
        for file, kept in ((file, file.read_bytes().lower()) for file in files)
        for word, octets in sought
        if octets in kept
    ]


@contextmanager
def logging_into(file: Path) -> Iterator[None]:
    """Keep what a worker would log, as it logs it, beside the block."""
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(EventLine("%(name)s: %(message)s"))
    handler.addFilter(lambda record: not record.name.startswith(_OTHER_SIDES))
    root, client = logging.getLogger(), logging.getLogger("httpx")
    levels = root.level, client.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    client.setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
        root.setLevel(levels[0])
        client.setLevel(levels[1])
