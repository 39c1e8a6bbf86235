"""Rounds of calls by several processes, each checked when its last call has returned."""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from madan_sara.persistence.database import Database
from tests.ledger_history.bookings import MoneyHistory
from tests.ledger_history.books import read_claim_changes, read_commits
from tests.ledger_history.calls import Call, read_calls
from tests.ledger_history.claims import ClaimsHistory, Rules, check_claims
from tests.ledger_history.money import check_money
from tests.ledger_history.process import CLIENTS
from tests.ledger_history.round import LIMITS, Round, open_campaigns, people

PROCESSES: Final = 4
_REPOSITORY: Final = Path(__file__).parents[2]
#: A line of a process's output is one call: far shorter than this.
_LONGEST_LINE: Final = 1 << 20
#: One fault may show itself in most calls of a round.
_SHOWN: Final = 20


@dataclass
class Findings:
    """The calls of a run by question and answer, and what is wrong with them."""

    rounds: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def add(self, calls: Sequence[Call], violations: Sequence[str]) -> None:
        """Count a round."""
        self.rounds += 1
        self.answers.update(f"{call.kind} {call.answer} {call.about}".rstrip() for call in calls)
        self.violations += violations

    def first(self) -> str:
        """The first of what is wrong, in full."""
        return "\n".join([f"{len(self.violations)} violations", *self.violations[:_SHOWN]])

    def __str__(self) -> str:
        lines = [f"{count:9,} {answer}" for answer, count in sorted(self.answers.items())]
        return "\n".join([f"{self.answers.total():9,} operations", *lines])


async def run_rounds(
    database: Database, dsn: str, *, operations: int, per_round: int, seed: int
) -> Findings:
    """Play rounds until there were so many operations, or until one has gone wrong.

    Args:
        database: prepared by `prepare_notes`.
        dsn: where it is, for the processes.
        operations: of all rounds.
        per_round: operations of one round.
        seed: of what the clients draw; races differ from run to run all the same.
    """
    findings = Findings()
    async with _processes() as processes:
        while findings.answers.total() < operations and not findings.violations:
            tenant_id = uuid4()
            campaigns = await open_campaigns(database, tenant_id, times=1 + findings.rounds % 3)
            share = Round(
                dsn=dsn,
                tenant=str(tenant_id),
                campaigns=tuple(campaigns),
                people=people(),
                seed=seed + findings.answers.total(),
                calls_per_client=max(per_round // (PROCESSES * CLIENTS), 1),
                first_client=0,
                clock_base=time.monotonic_ns(),
            )
            calls = await _play(processes, share)
            findings.add(calls, await _check(database, tenant_id, campaigns, calls))
    return findings


async def _check(
    database: Database, tenant_id: UUID, campaigns: Mapping[str, Rules], calls: Sequence[Call]
) -> list[str]:
    changes = await read_claim_changes(database, tenant_id)
    violations = check_claims(ClaimsHistory(campaigns, calls, changes))
    commits = await read_commits(database, tenant_id)
    for campaign in campaigns:
        own = [call for call in calls if call.campaign == campaign]
        violations += check_money(MoneyHistory(LIMITS, own, commits.get(campaign, [])))
    return violations


async def _play(processes: Sequence[Process], share: Round) -> list[Call]:
    """Have each process play its share at the same time; the calls of all."""
    shares = [replace(share, first_client=n * CLIENTS) for n in range(len(processes))]
    played = await asyncio.gather(*map(_played_by, processes, shares))
    return [call for calls in played for call in calls]


async def _played_by(process: Process, share: Round) -> list[Call]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{share.to_json()}\n".encode())
    lines = []
    while (line := (await process.stdout.readline()).decode()) != "\n":
        assert line, "a process has ended; its error stands above"
        lines.append(line)
    return list(read_calls(lines))


@asynccontextmanager
async def _processes() -> AsyncIterator[list[Process]]:
    """Processes that wait for rounds, and end when their input does."""
    command = (sys.executable, "-m", "tests.ledger_history.process")
    async with AsyncExitStack() as stack:
        processes = []
        for _ in range(PROCESSES):
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, cwd=_REPOSITORY, limit=_LONGEST_LINE
            )
            stack.push_async_callback(_end, process)
            processes.append(process)
        yield processes


async def _end(process: Process) -> None:
    assert process.stdin is not None
    if process.returncode is None:
        process.stdin.close()
        # A process in the middle of a round does not read its input.
        process.terminate()
    await process.wait()
