"""The line of an account with a rate limit, with thousands due at once and no clock but its own."""

import heapq
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from madan_sara.policy.attempts import SHORT_WAIT
from tests.simulation.stores.call_rates import Line

BEGAN = datetime(2100, 1, 1, tzinfo=UTC)
APART = timedelta(milliseconds=100)
FOR_EVER = BEGAN + timedelta(days=365)


class Crowd:
    """Deliveries that ask until they have called, each a little late at its place."""

    def __init__(self, seed: int, *, latest: float) -> None:
        self._random = random.Random(seed)
        self._latest = latest
        self._line = Line.begun(BEGAN, APART)
        self._due: list[tuple[datetime, int, bool]] = []
        self._numbers = 0
        #: No worker is there until then: those that are due come when it is over.
        self.away_until = BEGAN
        #: Calls in their order: the instant, and whose it was.
        self.calls: list[tuple[datetime, int]] = []
        self.asked: Counter[int] = Counter()
        #: Whether they come back at their places in the line.
        self.stays = True
        #: The space between calls; several: each worker has another limit.
        self.aparts = [APART]

    def come(self, number: int, after: timedelta = timedelta(0)) -> None:
        """Have so many more be due."""
        for _ in range(number):
            heapq.heappush(self._due, (BEGAN + after, self._numbers, False))
            self._numbers += 1

    def go_on(self, *, until: datetime = FOR_EVER) -> None:
        """Let time pass."""
        while self._due and self._due[0][0] < until:
            at, who, in_line = heapq.heappop(self._due)
            if at < self.away_until:
                heapq.heappush(self._due, (self.away_until, who, in_line))
                continue
            self.asked[who] += 1
            turn = self._line.ask(at, self._random.choice(self.aparts), in_line=in_line)
            if turn.may_call:
                self.calls.append((turn.comes_at, who))
            elif self.stays:
                late = timedelta(seconds=self._random.uniform(0, self._latest))
                heapq.heappush(self._due, (turn.comes_at + late, who, True))

    @property
    def lasted(self) -> timedelta:
        """From the first call to the last."""
        return max(self.calls)[0] - min(self.calls)[0]

    def assert_spaced(self, apart: timedelta = APART) -> None:
        """No two calls are closer than the rate allows."""
        instants = sorted(at for at, _ in self.calls)
        assert all(b - a >= apart for a, b in pairwise(instants))


@pytest.mark.parametrize("seed", range(5))
def test_thousands_due_at_once_are_called_at_the_rate_in_their_order(seed):
    crowd = Crowd(seed, latest=0.3)
    crowd.come(3_000)
    crowd.go_on()
    crowd.assert_spaced()
    assert len({who for _, who in crowd.calls}) == 3_000
    assert crowd.lasted < 3_000 * APART * 1.01
    assert max(crowd.asked.values()) == 2
    # Being late by some tenths of a second, they overtake each other by a few places.
    order = [who for _, who in sorted(crowd.calls)]
    assert all(abs(place - who) < 10 for place, who in enumerate(order))


@pytest.mark.parametrize("seed", range(5))
def test_those_that_come_late_after_an_outage_of_the_workers_do_not_call_at_once(seed):
    crowd = Crowd(seed, latest=0.3)
    crowd.come(3_000)
    crowd.go_on(until=BEGAN + timedelta(seconds=60))
    crowd.away_until = BEGAN + timedelta(seconds=120)
    crowd.go_on()
    crowd.assert_spaced()
    assert len(crowd.calls) == 3_000
    assert crowd.lasted < 3_000 * APART * 1.01 + timedelta(seconds=60)
    # Those whose place was over took another one, once.
    assert max(crowd.asked.values()) <= 4
    assert crowd.asked.total() < 2 * 3_000 + 700


@pytest.mark.parametrize("seed", range(5))
def test_a_line_that_never_comes_back_leaves_its_account_to_others(seed):
    """A campaign of thousands is paused: their places are for no call."""
    crowd = Crowd(seed, latest=0.3)
    crowd.stays = False
    crowd.come(3_000)
    crowd.go_on()
    gone = len(crowd.calls)
    for number in range(1, 100):
        crowd.come(1, after=timedelta(seconds=number))
    crowd.go_on()
    crowd.assert_spaced()
    assert len(crowd.calls) - gone >= 98


@pytest.mark.parametrize("seed", range(5))
def test_a_line_that_never_comes_back_is_not_waited_behind(seed):
    """A campaign of thousands is cancelled; another one has as many due at once."""
    crowd = Crowd(seed, latest=0.3)
    crowd.stays = False
    crowd.come(36_000)
    crowd.go_on()
    crowd.stays = True
    crowd.calls.clear()
    crowd.come(1_000, after=timedelta(minutes=1))
    crowd.go_on()
    crowd.assert_spaced()
    assert len(crowd.calls) == 1_000
    assert crowd.lasted < 1_000 * APART * 1.01


@pytest.mark.parametrize("factor", [2, 10, 100])
def test_a_limit_that_is_raised_ends_the_line_that_a_smaller_one_made(factor):
    """Those in it come at their places at the latest; new ones wait for no place of theirs."""
    crowd = Crowd(1, latest=0.3)
    crowd.aparts = [factor * APART]
    crowd.come(1_000)
    minute = timedelta(minutes=1)
    crowd.go_on(until=BEGAN + minute)
    crowd.aparts = [APART]
    crowd.come(1_000, after=minute)
    crowd.go_on()
    crowd.assert_spaced()
    new = [at for at, who in crowd.calls if who >= 1_000]
    assert len(new) == 1_000
    left_to_new_ones = 1 - 1 / factor
    assert max(new) - BEGAN - minute < 1_000 * APART * 1.1 / left_to_new_ones


def test_workers_whose_limits_differ_do_not_ask_again_and_again():
    """As while they are started anew, one after the other."""
    crowd = Crowd(1, latest=0.3)
    crowd.aparts = [APART, 2 * APART]
    crowd.come(3_000)
    crowd.go_on()
    assert len(crowd.calls) == 3_000
    assert crowd.asked.total() < 3 * 3_000


@pytest.mark.parametrize("new_ones", [0, 10])
@pytest.mark.parametrize("seed", range(5))
def test_a_message_that_finds_its_place_taken_is_not_sent_to_the_end_of_a_slow_line(seed, new_ones):
    """Each may be two seconds late, and a new one now and then asks before the line does."""
    apart = timedelta(minutes=1)
    crowd = Crowd(seed, latest=2.0)
    crowd.aparts = [apart]
    crowd.come(100)
    for number in range(new_ones):
        crowd.come(1, after=timedelta(minutes=7 * number, seconds=59))
    crowd.go_on()
    crowd.assert_spaced(apart)
    assert crowd.lasted < (100 + new_ones) * apart * 1.05
    assert crowd.asked.total() < 4 * (100 + new_ones)
    order = [who for _, who in sorted(crowd.calls) if who < 100]
    assert sum(place - who > 15 for place, who in enumerate(order)) < 5


@pytest.mark.parametrize("seed", range(5))
def test_late_ones_of_a_slow_line_do_not_all_wait_for_one_place(seed):
    """No worker is there for an hour."""
    apart = timedelta(seconds=10)
    crowd = Crowd(seed, latest=0.3)
    crowd.aparts = [apart]
    crowd.come(1_000)
    crowd.go_on(until=BEGAN + timedelta(minutes=10))
    crowd.away_until = BEGAN + timedelta(minutes=70)
    crowd.go_on()
    crowd.assert_spaced(apart)
    assert len(crowd.calls) == 1_000
    assert crowd.asked.total() < 4 * 1_000
    assert max(crowd.asked.values()) < 30


def test_a_new_one_waits_behind_the_line():
    crowd = Crowd(1, latest=0.0)
    crowd.come(1_000)
    crowd.come(1_000, after=timedelta(seconds=50))
    crowd.go_on()
    crowd.assert_spaced()
    order = [who for _, who in sorted(crowd.calls)]
    assert order == sorted(order)


def test_a_bunch_from_the_line_gets_the_turns_of_a_moment_and_new_places():
    line = Line.begun(BEGAN, APART)
    line.ends_at = BEGAN + timedelta(minutes=5)
    turns = [line.ask(BEGAN, APART, in_line=True) for _ in range(500)]
    given = [turn for turn in turns if turn.may_call]
    assert len(given) == 1 + SHORT_WAIT // APART
    places = sorted(turn.comes_at for turn in turns if not turn.may_call)
    assert places[0] == BEGAN + timedelta(minutes=5) + APART
    assert all(b - a == APART for a, b in pairwise(places))


def test_another_rate_holds_from_the_next_turn_on():
    line = Line.begun(BEGAN, APART)
    for _ in range(100):
        line.ask(BEGAN, APART, in_line=False)
    slow = timedelta(minutes=1)
    at = BEGAN + timedelta(seconds=5)
    first = line.ask(at, slow, in_line=True)
    assert first.may_call
    assert line.ask(at + timedelta(seconds=50), slow, in_line=True).may_call is False


def test_a_clock_that_is_set_back_takes_the_line_with_it():
    line = Line.begun(BEGAN, APART)
    line.ask(BEGAN, APART, in_line=False)
    back = BEGAN - timedelta(hours=1)
    assert line.ask(back, APART, in_line=False).comes_at == back + APART
