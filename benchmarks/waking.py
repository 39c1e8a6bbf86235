"""How late outreaches wake that are long asleep: `python -m benchmarks.waking`.

Many more are asleep than the worker keeps in memory. Some of them fall due at an even pace, and
others, later, nearly all at once; the rest sleep on. One round only: to put so many to sleep
takes most of the time.
"""

import argparse
import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import uvloop

from benchmarks.accepting_worker import DUE_AT
from benchmarks.arguments import positive
from benchmarks.ledger import read_totals, wait_for_messages
from benchmarks.load import CHANNELS, make_campaign, make_requests, save_campaigns
from benchmarks.machine import describe
from benchmarks.servers import throwaway_folder
from benchmarks.system import System, running_system
from benchmarks.temporal_line import start_outreach
from benchmarks.waking_report import Woken, read_woken, report_woken
from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.money import to_micros
from madan_sara.contracts.outreach import OutreachState
from madan_sara.persistence.messages import NewMessage, PostgresMessageStore

_STARTED_AT_ONCE: Final = 32
#: Started before the next are made: their profiles need not all be in memory.
_PAGE: Final = 1_000
#: Time to put to sleep what falls due: so much longer than those before have taken, and a while.
_MARGIN: Final = 1.5
_AT_LEAST: Final = timedelta(seconds=10)
#: From the last of the even ones to the first of the others.
_PAUSE: Final = timedelta(seconds=30)
_RUSH: Final = timedelta(minutes=1)
_LONG: Final = timedelta(days=1)

_EVEN_LABEL: Final = "even"
_RUSH_LABEL: Final = "rush"


@dataclass(frozen=True)
class Size:
    """How much to measure."""

    asleep: int = 20_000
    #: Even: so many a second, for so long.
    a_second: int = 30
    seconds: int = 120
    #: Due within one minute.
    rush: int = 8_000
    cached: int = 1_000

    @property
    def even(self) -> int:
        """Outreaches that fall due at an even pace."""
        return self.a_second * self.seconds

    @property
    def sleep_on(self) -> int:
        """Outreaches that are not due in this run."""
        return self.asleep - self.even - self.rush


@dataclass(frozen=True)
class _Group:
    """Outreaches that fall due one after the other."""

    label: str
    outreaches: int
    first_due_at: datetime
    #: From the first due to the last.
    within: timedelta

    def due(self) -> Iterator[datetime]:
        """When each is due."""
        step = self.within / self.outreaches
        return (self.first_due_at + number * step for number in range(self.outreaches))

    @property
    def last_due_at(self) -> datetime:
        """When the last one is."""
        return self.first_due_at + self.within


async def measure(size: Size) -> None:
    """Measure, then check that what was due was sent once, and the rest is still asleep."""
    with throwaway_folder() as folder:
        print(f"Waking\n{describe(folder)}\n")
        settings = {"MADAN_SARA_CACHED_WORKFLOWS": str(size.cached)}
        async with running_system(folder, settings) as system:
            campaign = make_campaign("Spring fair", sends_at_once=True)
            await save_campaigns(system.database, [campaign])
            groups = await _put_all_to_sleep(system, campaign, size)
            report_woken([await _wake(system, group) for group in groups])
            await _check(system, campaign, size)


async def _put_all_to_sleep(
    system: System, campaign: OutreachCampaign, size: Size
) -> Sequence[_Group]:
    """Put the long sleepers to sleep, then those that are due as soon as all can be asleep."""
    began = datetime.now(UTC)
    tomorrow = (began + _LONG for _ in range(size.sleep_on))
    await _put_to_sleep(system, campaign, "long", tomorrow)
    await wait_for_messages(system.database, size.sleep_on, OutreachState.SCHEDULED)
    each = (datetime.now(UTC) - began) / size.sleep_on
    print(f"{size.sleep_on} put to sleep for a day, {1 / each.total_seconds():.0f} a second")

    to_come = each * (size.even + size.rush) * _MARGIN + _AT_LEAST
    even = _Group(
        _EVEN_LABEL, size.even, datetime.now(UTC) + to_come, timedelta(seconds=size.seconds)
    )
    rush = _Group(_RUSH_LABEL, size.rush, even.last_due_at + _PAUSE, _RUSH)
    for group in (even, rush):
        await _put_to_sleep(system, campaign, group.label, group.due())
    print(f"{size.even + size.rush} more, due from {even.first_due_at:%H:%M:%S} UTC on\n")
    return even, rush


async def _put_to_sleep(
    system: System, campaign: OutreachCampaign, label: str, due: Iterable[datetime]
) -> None:
    """Store and start a message for each moment, some at a time."""
    store = PostgresMessageStore(system.database)
    waiting = _requests(campaign, label, list(due))

    async def start_some() -> None:
        for request in waiting:
            await store.store(request, datetime.now(UTC))
            await start_outreach(system.client, request)

    async with asyncio.TaskGroup() as group:
        for _ in range(_STARTED_AT_ONCE):
            group.create_task(start_some())


def _requests(
    campaign: OutreachCampaign, label: str, due: Sequence[datetime]
) -> Iterator[NewMessage]:
    for first in range(0, len(due), _PAGE):
        moments = due[first : first + _PAGE]
        page = make_requests(campaign, len(moments), label=f"{label}-{first}")
        for request, at in zip(page, moments, strict=True):
            profile = request.profile.model_copy(update={"attributes": {DUE_AT: at.isoformat()}})
            yield replace(request, profile=profile)


async def _wake(system: System, group: _Group) -> Woken:
    """Measure from the first moment until all are out."""
    await asyncio.sleep((group.first_due_at - datetime.now(UTC)).total_seconds())
    system.meter.lap()
    sent = OutreachState.SENT
    await wait_for_messages(system.database, group.outreaches, sent, label=group.label)
    return await read_woken(system.database, group.label, system.meter.lap())


async def _check(system: System, campaign: OutreachCampaign, size: Size) -> None:
    totals = await read_totals(system.database)
    price = to_micros(campaign.resolved().settings.price_of(CHANNELS[0]))
    sent = size.even + size.rush
    assert totals.stored == size.asleep, totals
    assert totals.sent == totals.accepted == sent, totals
    assert totals.scheduled == size.sleep_on, totals
    assert totals.held_micros == size.sleep_on * price, totals
    assert totals.spent_micros == sent * price, totals
    print(
        f"\n{sent} outreaches sent once and paid for, none before it was due; "
        f"{size.sleep_on} sleep on; every account balances."
    )


def main() -> None:
    """Measure as the command line says."""
    usual = Size()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.waking")
    parser.add_argument("--asleep", type=positive, default=usual.asleep)
    parser.add_argument("--a-second", type=positive, default=usual.a_second)
    parser.add_argument("--seconds", type=positive, default=usual.seconds)
    parser.add_argument("--rush", type=positive, default=usual.rush, help="due within a minute")
    parser.add_argument("--cached", type=positive, default=usual.cached, help="kept in memory")
    given = parser.parse_args()
    size = Size(given.asleep, given.a_second, given.seconds, given.rush, given.cached)
    if size.sleep_on < 1:
        parser.error(f"--asleep: more than {size.even + size.rush}, which fall due; give more")
    uvloop.run(measure(size))


if __name__ == "__main__":
    main()
