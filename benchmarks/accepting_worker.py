"""`python -m benchmarks.accepting_worker`: the worker, with providers that take everything.

A process of its own, so that its memory is its own. Its settings are the worker's. A message
whose recipient has an attribute `due_at` is not due before that instant.
"""

import asyncio
import signal
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Final

import uvloop

from benchmarks.accepting_sender import accepting_senders
from benchmarks.timed_components import timed_components
from madan_sara.activities.stores import StoredRequest
from madan_sara.config.settings import WorkerSettings
from madan_sara.config.temporal import connect
from madan_sara.persistence.database import Database
from madan_sara.starter.outreaches import Outreaches
from madan_sara.worker.components import build_campaign_components
from madan_sara.worker.workers import (
    build_campaign_worker,
    build_delivery_workers,
    build_outreach_worker,
)

#: Printed once it polls its queues.
READY = "worker ready"

#: The name of the attribute, whose value is ISO 8601.
DUE_AT: Final = "due_at"


async def run() -> None:
    """Carry outreaches and campaigns until it is asked to stop."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    settings, senders = WorkerSettings(), accepting_senders()
    database = Database(
        settings.database_url.get_secret_value(), pool_size=settings.database_pool_size
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        client = await connect()
        components = timed_components(database, senders, _due_at)
        campaigns = build_campaign_components(
            database, Outreaches(client), most_in_motion=settings.campaign_in_motion
        )
        workers = [
            build_outreach_worker(client, components, cached_workflows=settings.cached_workflows),
            *build_delivery_workers(client, components, senders),
        ]
        for worker in [*workers, build_campaign_worker(client, campaigns)]:
            await stack.enter_async_context(worker)
        print(READY, flush=True)
        await stopping.wait()


def _due_at(stored: StoredRequest, _: datetime) -> datetime | None:
    named = stored.profile.attributes.get(DUE_AT)
    return None if named is None else datetime.fromisoformat(str(named))


if __name__ == "__main__":
    uvloop.run(run())
