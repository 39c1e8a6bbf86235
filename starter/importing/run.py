"""The import of a file: read, checked, stored and reported chunk by chunk.

At no time is more of the file in memory than a few chunks. Each is stored as a whole and
no recipient twice, so an import that was killed goes on when it is started again.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from typing_extensions import TypedDict

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.phones import known_region
from madan_sara.persistence.recipients import PostgresRecipients, StoredRecipients, require_open
from madan_sara.starter.importing.checking import Assignment, CheckedRows, RowCheck
from madan_sara.starter.importing.files import SourceFile, SourceRow, open_source
from madan_sara.starter.importing.rejects import RejectsFile
from madan_sara.starter.importing.understanding import understood

#: Rows stored in one transaction: enough that its fixed cost does not show, few enough that
#: progress is seen and little is repeated after a kill.
CHUNK_ROWS: Final = 2_000

#: Text of a chunk, after which it is not filled any further: rows may be long.
_CHUNK_CHARACTERS: Final = 4_000_000

#: Lines of known recipients that the answer names: enough to see which they are.
SHOWN_LINES: Final = 20


@dataclass(frozen=True)
class ImportProgress:
    """How far an import has come."""

    rows_total: int
    rows_read: int = 0
    added: int = 0
    #: In the campaign already: imported before, or named further up in the file.
    known: int = 0
    rejected: int = 0
    #: Of those added, the ones that none of the campaign's channels reaches.
    unreachable: int = 0


class ImportResult(TypedDict):
    """Answer to `import_recipients`."""

    campaign_id: str
    file: str
    rows_read: int
    added: int
    #: In the campaign already: imported before, or named further up in the file.
    known: int
    #: The lines of the first of those.
    known_lines: list[int]
    #: Of those added, the ones without an address on any of the campaign's channels: they are
    #: stored, and end as `failed`, `no_viable_channel`.
    unreachable: int
    #: The lines of the first of those.
    unreachable_lines: list[int]
    #: The channels they have no address on.
    channels: list[str]
    rejected: int
    #: How each column was understood, like `email <- E-mail`.
    columns: list[str]
    #: Columns that may have been meant otherwise.
    warnings: list[str]
    #: The campaign had completed and is active again, for the new ones; start it.
    reopened: bool
    #: Where the rejected rows are, each with its line and the reason; None: there are none.
    rejects_file: str | None
    seconds: float


@dataclass(frozen=True)
class ImportOptions:
    """Options of an import."""

    #: Country of phone numbers without a country code; None: each must have one.
    region: str | None = None
    #: Where rejected rows go; None: beside the file.
    rejects: Path | None = None
    #: Called after each chunk, on the event loop.
    on_progress: Callable[[ImportProgress], None] | None = None


async def import_file(
    store: PostgresRecipients, campaign: Campaign, path: Path, options: ImportOptions
) -> ImportResult:
    """Queue the recipients of a file in a campaign; see `import_recipients`.

    Raises:
        InvalidRequestError: the file or the campaign cannot be used; nothing was stored.
    """
    started = time.monotonic()
    job = await asyncio.to_thread(_prepare, campaign, path, options)
    progress, reopened = ImportProgress(job.rows), False
    known_lines, unreachable_lines = list[int](), list[int]()
    with RejectsFile(job.source, options.rejects) as rejects:
        async with aclosing(_checked(job)) as chunks:
            async for rows, checked in chunks:
                stored = await store.add_rows(
                    campaign, job.assignment.templates, checked.accepted, datetime.now(UTC)
                )
                rejects.write((rows[position], reason) for position, reason in checked.rejected)
                if len(known_lines) < SHOWN_LINES:
                    known_lines += _lines(rows, checked, stored.known)
                unreachable = _unreachable(checked, stored)
                if len(unreachable_lines) < SHOWN_LINES:
                    unreachable_lines += _lines(rows, checked, unreachable)
                reopened |= stored.reopened
                progress = _advanced(progress, checked, stored)
                if options.on_progress is not None:
                    options.on_progress(progress)
    return ImportResult(
        campaign_id=str(campaign.id),
        file=str(path),
        rows_read=progress.rows_read,
        added=progress.added,
        known=progress.known,
        known_lines=known_lines[:SHOWN_LINES],
        unreachable=progress.unreachable,
        unreachable_lines=unreachable_lines[:SHOWN_LINES],
        channels=[channel.value for channel in campaign.channels],
        rejected=progress.rejected,
        columns=job.columns,
        warnings=job.warnings,
        reopened=reopened,
        rejects_file=str(rejects.path) if progress.rejected else None,
        seconds=round(time.monotonic() - started, 3),
    )


@dataclass(frozen=True)
class _Job:
    """A file that can be imported, and the rules for its rows."""

    source: SourceFile
    assignment: Assignment
    check: RowCheck
    rows: int
    #: See `understood`.
    columns: list[str]
    warnings: list[str]


def _prepare(campaign: Campaign, path: Path, options: ImportOptions) -> _Job:
    """Look at everything that could refuse the whole file."""
    require_open(campaign, campaign.status, datetime.now(UTC))
    if campaign.templates is None:
        raise InvalidRequestError(
            f"campaign {campaign.id} has no templates; save it with the texts its recipients "
            "are sent"
        )
    region = known_region(options.region)
    source = open_source(path)
    assignment = Assignment(campaign, campaign.templates, source.header, region)
    try:
        check = RowCheck(assignment)
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{path}: {error}") from None
    # To its end, so that an error in the last line is found before the first is stored.
    rows = sum(1 for _ in source.rows())
    return _Job(source, assignment, check, rows, *understood(check, source.rows()))


_CheckedChunk = tuple[list[SourceRow], CheckedRows]


async def _checked(job: _Job) -> AsyncGenerator[_CheckedChunk]:
    """The chunks of a file in its order, each checked while the one before it is stored."""
    rows = job.source.rows()
    checking = asyncio.create_task(asyncio.to_thread(_next_checked, rows, job.check))
    try:
        while chunk := await checking:
            checking = asyncio.create_task(asyncio.to_thread(_next_checked, rows, job.check))
            yield chunk
    finally:
        checking.cancel()
        await asyncio.gather(checking, return_exceptions=True)


def _next_checked(rows: Iterator[SourceRow], check: RowCheck) -> _CheckedChunk | None:
    chunk = _next_chunk(rows)
    return (chunk, check.check([row.raw for row in chunk])) if chunk else None


def _next_chunk(rows: Iterator[SourceRow]) -> list[SourceRow]:
    chunk: list[SourceRow] = []
    characters = 0
    for row in rows:
        chunk.append(row)
        characters += row.characters
        if len(chunk) >= CHUNK_ROWS or characters >= _CHUNK_CHARACTERS:
            break
    return chunk


def _unreachable(checked: CheckedRows, stored: StoredRecipients) -> list[int]:
    """The positions of added recipients that no channel of the campaign reaches."""
    known = set(stored.known)
    return [position for position in checked.unreachable if position not in known]


def _lines(
    rows: Sequence[SourceRow], checked: CheckedRows, positions: Sequence[int]
) -> Iterator[int]:
    """The lines of some accepted recipients."""
    rejected = {rejection.position for rejection in checked.rejected}
    accepted = [row for position, row in enumerate(rows) if position not in rejected]
    return (accepted[position].line for position in positions)


def _advanced(
    progress: ImportProgress, checked: CheckedRows, stored: StoredRecipients
) -> ImportProgress:
    accepted, rejected = len(checked.accepted), len(checked.rejected)
    return replace(
        progress,
        rows_read=progress.rows_read + accepted + rejected,
        added=progress.added + accepted - len(stored.known),
        known=progress.known + len(stored.known),
        rejected=progress.rejected + rejected,
        unreachable=progress.unreachable + len(_unreachable(checked, stored)),
    )
