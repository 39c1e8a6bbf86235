"""Bookings in any order, and several at once, against a model of their sums."""

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import asyncpg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import MessageRef, OutreachState
from madan_sara.policy.budget import AccountScope
from madan_sara.policy.ledger import AccountKey, Balance
from tests.integration.persistence.shop import TODAY, Shop
from tests.ledger import assert_accounts_balance, sums_of_entries

CHANNELS = (Channel.CHAT, Channel.SMS)
DAYS = (TODAY, TODAY + timedelta(days=1))
UNIT = 1_000_000
#: Small enough that four messages of one or two units meet every one of them.
TOTAL, PER_CHANNEL, PER_DAY, MESSAGES_PER_DAY = 5, 3, 4, 2

_MESSAGES = st.integers(0, 3)
_PLACES = st.tuples(st.sampled_from(CHANNELS), st.sampled_from(DAYS))
STEPS = st.one_of(
    st.tuples(st.just("reserve"), _MESSAGES, _PLACES, st.integers(0, 2)),
    st.tuples(st.just("move"), _MESSAGES, _PLACES, st.integers(0, 2)),
    st.tuples(st.sampled_from(["settle", "release", "conclude", "repeat"]), _MESSAGES),
)

_HYPOTHESIS = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@dataclass
class Hold:
    """An attempt's price, where it is booked, and how it ended."""

    channel: Channel
    day: date
    units: int
    end: str | None = None


@dataclass
class Letter:
    """A message as the model knows it."""

    ref: MessageRef
    holds: dict[int, Hold] = field(default_factory=dict)
    ended: bool = False
    last_asked: tuple[int, Channel, date, int, int | None] | None = None

    @property
    def last_no(self) -> int:
        return max(self.holds, default=0)

    @property
    def open_hold(self) -> Hold | None:
        hold = self.holds.get(self.last_no)
        return hold if hold is not None and hold.end is None else None


class Office:
    """The shop's ledger, and beside it a model that is asked the same."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.letters: list[Letter] = []

    async def open(self) -> None:
        self.campaign = await self._shop.campaign(
            channels=list(CHANNELS),
            budget_total=TOTAL,
            budget_per_channel={CHANNELS[0]: {"total": PER_CHANNEL}},
            daily_spend_limit=PER_DAY,
            daily_limit=MESSAGES_PER_DAY,
        )
        for name in "abcd":
            self.letters.append(Letter(await self._shop.message(self.campaign, name)))

    async def step(self, kind: str, number: int, *more: Any) -> None:
        letter = self.letters[number]
        if kind in ("reserve", "move"):
            (channel, day), units = more
            replaces = letter.last_no if kind == "move" and letter.open_hold else None
            if (kind == "move") == (replaces is not None):
                await self._reserve(letter, letter.last_no + 1, channel, day, units, replaces)
        elif kind == "repeat":
            await self._repeat(letter)
        else:
            await getattr(self, f"_{kind}")(letter)

    async def _reserve(
        self,
        letter: Letter,
        attempt_no: int,
        channel: Channel,
        day: date,
        units: int,
        replaces: int | None,
    ) -> None:
        if replaces is None and letter.open_hold:
            return
        expected = not letter.ended and self._fits(channel, day, units, without=(letter, replaces))
        answer = await self._shop.reserve(
            letter.ref, attempt_no, price=units * UNIT, channel=channel, day=day, replaces=replaces
        )
        assert (answer.block is None) == expected
        if expected:
            if replaces is not None:
                letter.holds[replaces].end = "release"
            letter.holds[attempt_no] = Hold(channel, day, units)
            letter.last_asked = (attempt_no, channel, day, units, replaces)

    async def _repeat(self, letter: Letter) -> None:
        """A hold that was granted once is granted again, unless its message has ended unsent."""
        if letter.last_asked is None:
            return
        attempt_no, channel, day, units, replaces = letter.last_asked
        answer = await self._shop.reserve(
            letter.ref, attempt_no, price=units * UNIT, channel=channel, day=day, replaces=replaces
        )
        was_sent = any(hold.end == "settle" for hold in letter.holds.values())
        if letter.ended and not was_sent:
            assert answer.held is None
            return
        assert answer.block is None
        assert answer.held is not None
        assert answer.held.plan.price_micros == units * UNIT

    async def _settle(self, letter: Letter) -> None:
        hold = letter.open_hold
        if hold is None and not letter.ended:
            return  # Nothing is handed over without a hold.
        await self._shop.settle(letter.ref, max(letter.last_no, 1))
        if hold is not None:
            hold.end = "settle"
            letter.ended = True

    async def _release(self, letter: Letter) -> None:
        hold = letter.open_hold
        await self._shop.release(letter.ref, max(letter.last_no, 1))
        if hold is not None:
            hold.end = "release"

    async def _conclude(self, letter: Letter) -> None:
        hold = letter.open_hold
        answer = await self._shop.conclude(letter.ref)
        sent = any(h.end == "settle" for h in letter.holds.values())
        assert answer.state is (OutreachState.SENT if sent else OutreachState.CANCELLED)
        if not sent and hold is not None:
            hold.end = "release"
        letter.ended = True

    def _fits(
        self, channel: Channel, day: date, units: int, *, without: tuple[Letter, int | None]
    ) -> bool:
        open_holds = [
            hold
            for letter in self.letters
            for number, hold in letter.holds.items()
            if hold.end != "release" and (letter, number) != without
        ]
        of_day = [hold for hold in open_holds if hold.day == day]
        used = {
            TOTAL: sum(hold.units for hold in open_holds),
            PER_DAY: sum(hold.units for hold in of_day),
        }
        if channel is CHANNELS[0]:
            used[PER_CHANNEL] = sum(h.units for h in open_holds if h.channel is channel)
        affordable = units == 0 or all(units + sum_ <= limit for limit, sum_ in used.items())
        return affordable and len(of_day) < MESSAGES_PER_DAY

    async def check(self) -> None:
        """Accounts, entries and the model say the same."""
        await assert_accounts_balance(self._shop.database, self._shop.tenant_id)
        sums = await sums_of_entries(self._shop.database, self._shop.tenant_id)
        holds = [hold for letter in self.letters for hold in letter.holds.values()]
        expected = Balance(
            held_micros=sum(h.units for h in holds if h.end is None) * UNIT,
            spent_micros=sum(h.units for h in holds if h.end == "settle") * UNIT,
            messages=sum(h.end != "release" for h in holds),
        )
        assert (
            sums.get(AccountKey(self.campaign.id, AccountScope.CAMPAIGN, ""), Balance()) == expected
        )


@given(steps=st.lists(STEPS, min_size=5, max_size=40))
@settings(_HYPOTHESIS, max_examples=40)
async def test_every_order_of_bookings_agrees_with_the_model(database, steps):
    office = Office(Shop(database, uuid.uuid4()))
    await office.open()
    for step in steps:
        await office.step(*step)
        await office.check()


BOOKINGS = st.tuples(
    st.sampled_from(["reserve", "move", "settle", "release", "conclude"]),
    _MESSAGES,
    st.integers(1, 3),
    _PLACES,
    st.integers(0, 2),
)


@given(bursts=st.lists(st.lists(BOOKINGS, min_size=2, max_size=8), min_size=1, max_size=6))
# Not shrunk: a race does not fail twice the same way.
@settings(_HYPOTHESIS, max_examples=40, phases=[Phase.explicit, Phase.reuse, Phase.generate])
async def test_bookings_at_the_same_moment_keep_the_accounts_in_balance(database, bursts):
    shop = Shop(database, uuid.uuid4())
    campaign = await shop.campaign(
        channels=list(CHANNELS),
        budget_total=TOTAL,
        daily_spend_limit=PER_DAY,
        daily_limit=MESSAGES_PER_DAY,
    )
    refs = [await shop.message(campaign, name) for name in "abcd"]

    async def book(kind, number, attempt_no, channel_and_day, units) -> None:
        ref = refs[number]
        try:
            if kind in ("reserve", "move"):
                await shop.reserve(
                    ref,
                    attempt_no,
                    price=units * UNIT,
                    channel=channel_and_day[0],
                    day=channel_and_day[1],
                    replaces=attempt_no - 1 if kind == "move" else None,
                )
            elif kind == "conclude":
                await shop.conclude(ref)
            else:
                await getattr(shop, kind)(ref, attempt_no)
        except (IntegrityError, asyncpg.UniqueViolationError):
            pass  # Refused as a whole; a worker runs the step again.

    for burst in bursts:
        await asyncio.gather(*(book(*booking) for booking in burst))
        await assert_accounts_balance(database, shop.tenant_id)
    await asyncio.gather(*(shop.release(ref, number) for ref in refs for number in (1, 2, 3)))
    await assert_accounts_balance(database, shop.tenant_id)
    for account, sums in (await sums_of_entries(database, shop.tenant_id)).items():
        assert sums.held_micros == 0, account
