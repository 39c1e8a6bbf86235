"""`python -m madan_sara.worker`: carry outreaches until it is asked to stop."""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from datetime import timedelta

import uvloop

from madan_sara.config.ending import exit_process
from madan_sara.config.settings import WorkerSettings
from madan_sara.contracts.errors import MadanSaraError
from madan_sara.starter.connecting import connect_temporal
from madan_sara.starter.environment import database_of, from_environment
from madan_sara.starter.outreaches import Outreaches
from madan_sara.worker.components import build_campaign_components, build_components
from madan_sara.worker.heap import freeze_heap
from madan_sara.worker.log import set_up_logging
from madan_sara.worker.senders import build_senders, delivery_channels_of, rate_limits_of
from madan_sara.worker.workers import (
    build_campaign_worker,
    build_delivery_workers,
    build_outreach_worker,
)


async def run() -> None:
    """Run until SIGINT or SIGTERM; the steps that have begun are finished first."""
    settings = from_environment(WorkerSettings)
    limits = rate_limits_of(settings)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        database = database_of(settings)
        stack.push_async_callback(database.close)
        senders = build_senders(settings)
        for sender in senders.values():
            stack.push_async_callback(sender.close)
        delivered_here = delivery_channels_of(settings, senders)
        components = build_components(
            database,
            senders,
            delivered_here=delivered_here,
            rate_limits=limits,
            pause_poll=timedelta(seconds=settings.pause_poll_seconds),
        )
        stack.push_async_callback(components.delivery.finish)
        client = await connect_temporal()
        campaigns = build_campaign_components(
            database, Outreaches(client), most_in_motion=settings.campaign_in_motion
        )
        workers = build_delivery_workers(client, components, delivered_here)
        if settings.carries_outreaches:
            cached = settings.cached_workflows
            workers.append(build_outreach_worker(client, components, cached_workflows=cached))
            workers.append(build_campaign_worker(client, campaigns))
        for worker in workers:
            await stack.enter_async_context(worker)
        freeze_heap()
        print("worker ready", flush=True)  # noqa: T201 - the parent process waits for this line
        try:
            await stopping.wait()
        finally:
            # All at once: none begins anything while another one hears its calls out.
            components.delivery.stop()
            await asyncio.gather(*(worker.shutdown() for worker in workers))


def main() -> int:
    """Start the worker; a wrong setting ends it with one line.

    Returns:
        The exit code.
    """
    set_up_logging()
    try:
        uvloop.run(run())
    except (MadanSaraError, ValueError) as error:
        print(f"the worker cannot start: {error}", file=sys.stderr)  # noqa: T201 - one line for the operator
        return 1
    return 0


if __name__ == "__main__":
    exit_process(main())
