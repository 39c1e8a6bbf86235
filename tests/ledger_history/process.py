"""A process with eight clients.

Each line of its input is a `Round`; it answers with the round's calls, a line of JSON each, and
an empty line.
"""

import asyncio
import sys
from typing import Final
from uuid import UUID

from madan_sara.persistence.database import Database
from tests.ledger_history.calls import write_calls
from tests.ledger_history.client import Client, Shared
from tests.ledger_history.desk import Desk
from tests.ledger_history.round import Round

CLIENTS: Final = 8


async def main() -> None:
    """Play each round of the input."""
    database: Database | None = None
    try:
        while line := await asyncio.to_thread(sys.stdin.readline):
            share = Round.from_json(line)
            # A client has a statement or a transaction at a time, never both.
            database = database or Database(share.dsn, pool_size=CLIENTS // 2)
            sys.stdout.write(await _play(database, share) + "\n")
            sys.stdout.flush()
    finally:
        if database is not None:
            await database.close()


async def _play(database: Database, share: Round) -> str:
    desk = await Desk.open(database, UUID(share.tenant), share.campaigns)
    shared = Shared()
    clients = [Client(desk, share, share.first_client + n, shared) for n in range(CLIENTS)]
    await asyncio.gather(*(client.make_calls() for client in clients))
    return write_calls(shared.calls)


if __name__ == "__main__":
    asyncio.run(main())
