"""The turn of a call, on a channel with a rate limit."""

import asyncio

from madan_sara.activities import waits
from madan_sara.activities.attempt_log import AttemptLog
from madan_sara.activities.call_rates import CallRate
from madan_sara.activities.run_clock import RunClock
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AWAITS_TURN


async def take_turn(
    rate: CallRate | None, channel: Channel, log: AttemptLog, clock: RunClock
) -> None:
    """Wait for the turn of the call a run is about to make: here, if it comes soon.

    A turn is not written down, so that it cannot be used twice, or late together with others.
    Before its place in the line has come, an attempt does not ask: it would lose the place.

    Args:
        rate: the account's; None: it has no limit of ours.
        channel: its channel.
        log: the attempt's record.
        clock: the run's time.

    Raises:
        ApplicationError: it comes later; another run is to ask then.
    """
    if rate is None:
        return
    place_at = log.place_at
    if place_at is not None and place_at > clock.now():
        raise waits.for_turn(channel, rate, place_at - clock.now())
    turn = await rate.ask(in_line=log.goes_before_new_ones)
    if turn.may_call:
        await asyncio.sleep(turn.wait.total_seconds())
        return
    end, place_at = log.facts.request.campaign.end_date, clock.now() + turn.wait
    until = min(place_at, end or place_at)
    await log.put_off(until, AWAITS_TURN, awaits_turn=True)
    raise waits.for_turn(channel, rate, until - clock.now())
