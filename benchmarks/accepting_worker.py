"""`python -m benchmarks.accepting_worker`: the worker, with providers that take everything.

A process of its own, so that its memory is its own. Its settings are the worker's.
"""

import asyncio
import signal
from contextlib import AsyncExitStack

import uvloop

from benchmarks.accepting_sender import accepting_senders
from madan_sara.config.settings import WorkerSettings
from madan_sara.config.temporal import connect
from madan_sara.persistence.database import Database
from madan_sara.starter.outreaches import Outreaches
from madan_sara.worker.components import build_campaign_components, build_components
from madan_sara.worker.workers import build_campaign_worker, build_workers

#: Printed once it polls its queues.
READY = "worker ready"


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
        components = build_components(database, senders)
        campaigns = build_campaign_components(
            database, Outreaches(client), most_in_motion=settings.campaign_in_motion
        )
        workers = build_workers(client, components, senders)
        for worker in [*workers, build_campaign_worker(client, campaigns)]:
            await stack.enter_async_context(worker)
        print(READY, flush=True)
        await stopping.wait()


if __name__ == "__main__":
    uvloop.run(run())
