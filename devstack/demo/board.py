"""The states of the demo's messages, read from the database."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import RowMapping, text

from madan_sara.contracts.outreach import FINAL_STATES, OutreachState
from madan_sara.persistence.database import Database

# A message that will not move before the demo is over is asleep.
_BOARD: Final = text("""
SELECT m.recipient_id, m.state, coalesce(a.channel, m.channel) AS channel, a.openings AS calls,
       m.scheduled_at > now() + interval '5 minutes' AS asleep
  FROM messages m
  LEFT JOIN LATERAL (SELECT channel, openings FROM attempts
                      WHERE message_id = m.message_id AND state IN ('sending', 'not_sent')
                      ORDER BY attempt_no DESC LIMIT 1) a ON true
 ORDER BY m.created_at
""")

_UNDECIDED: Final = (OutreachState.QUEUED, OutreachState.DECIDING)

#: The counts, in the order they are shown in.
_LABELS: Final = ("sent", "unknown", "asleep", "blocked", "failed", "cancelled", "running")


@dataclass(frozen=True)
class Board:
    """All messages at one moment."""

    #: Messages by state, in the order of `_LABELS`.
    counts: dict[str, int]
    #: The messages under way: who, on which channel, at which try.
    running: Sequence[str]
    #: How many of those are not decided on yet.
    undecided: int

    def in_words(self) -> str:
        """The counts in one line."""
        return "  ".join(f"{label} {count}" for label, count in self.counts.items())


async def read_board(database: Database) -> Board:
    """The present state of every message."""
    async with database.statement() as connection:
        rows = (await connection.execute(_BOARD)).mappings().all()
    found = Counter(_label(row) for row in rows)
    return Board(
        counts={label: found[label] for label in _LABELS if found[label]},
        running=[_running(row) for row in rows if _label(row) == "running"],
        undecided=sum(row["state"] in _UNDECIDED for row in rows),
    )


def _label(row: RowMapping) -> str:
    if row["state"] in FINAL_STATES:
        return str(row["state"])
    return "asleep" if row["state"] == OutreachState.SCHEDULED and row["asleep"] else "running"


def _running(row: RowMapping) -> str:
    if row["calls"] is None:
        return f"{row['recipient_id']} ({row['state']})"
    return f"{row['recipient_id']} ({row['channel']}, call {row['calls']})"
