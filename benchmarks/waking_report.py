"""How late outreaches were sent, by what the database says of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import RowMapping, text

from benchmarks.accepting_worker import DUE_AT
from benchmarks.figures import quantile
from benchmarks.machine import CpuUse
from madan_sara.persistence.database import Database

_SENT = text("""
SELECT CAST(m.profile #>> ARRAY['attributes', :due_at] AS timestamptz) AS due_at,
       m.scheduled_at, a.called_at, a.concluded_at
  FROM messages m JOIN attempts a USING (tenant_id, message_id)
 WHERE a.state = 'accepted' AND m.recipient_id LIKE :recipients
""")

_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Woken:
    """Outreaches that fell due."""

    label: str
    outreaches: int
    #: Of them, those decided only after they were due: they were not asleep.
    decided_late: int
    #: From due to the provider's call, and to its answer as recorded.
    called_ms: Sequence[float]
    answered_ms: Sequence[float]
    #: From the first due to the last due, and to the last answer.
    due_within: timedelta
    out_after: timedelta
    cpu: CpuUse


async def read_woken(database: Database, label: str, cpu: CpuUse) -> Woken:
    """What became of the outreaches of a label.

    Raises:
        AssertionError: one was sent before it was due.
    """
    parameters = {"due_at": DUE_AT, "recipients": f"{label}-%"}
    async with database.statement() as connection:
        rows = (await connection.execute(_SENT, parameters)).mappings().all()
    early = [row for row in rows if row["called_at"] < row["due_at"]]
    assert not early, f"{len(early)} were sent before they were due"
    slept = [row for row in rows if row["scheduled_at"] == row["due_at"]]
    first_due_at = min(row["due_at"] for row in rows)
    return Woken(
        label=label,
        outreaches=len(rows),
        decided_late=len(rows) - len(slept),
        called_ms=[_late(row, "called_at") for row in slept],
        answered_ms=[_late(row, "concluded_at") for row in slept],
        due_within=max(row["due_at"] for row in rows) - first_due_at,
        out_after=max(row["concluded_at"] for row in rows) - first_due_at,
        cpu=cpu,
    )


def report_woken(woken: Sequence[Woken]) -> None:
    """Print a line for each: how late in milliseconds, until when all were out, the costs."""
    programs = list(woken[0].cpu.by_program)
    columns = ["outreaches", "due in s", "out in s", "late p50", "late p99", "answered p99"]
    columns += [*(f"{name} ms" for name in programs), "together"]
    print(f"{'':<6}" + "".join(f"{column:>14}" for column in columns))
    for one in woken:
        costs = [one.cpu.by_program[name] * 1000 / one.outreaches for name in programs]
        figures = [
            one.outreaches,
            one.due_within.total_seconds(),
            one.out_after.total_seconds(),
            quantile(one.called_ms, 0.5),
            quantile(one.called_ms, 0.99),
            quantile(one.answered_ms, 0.99),
            *costs,
            sum(costs),
        ]
        print(f"{one.label:<6}" + "".join(f"{figure:14.1f}" for figure in figures))
    print(
        "late: milliseconds from due to the provider's call; answered: to its answer as recorded;"
        "\nthe columns after it: CPU-milliseconds each, from the first due until all were out"
    )
    for one in woken:
        if one.decided_late:
            print(f"{one.label}: {one.decided_late} were decided when due, and are not counted")


def _late(row: RowMapping, column: str) -> float:
    late: timedelta = row[column] - row["due_at"]
    return late / _MILLISECOND
