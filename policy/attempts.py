"""The next move of an attempt, by its record and its provider's abilities.

One row of `RULES` is one situation; the first that fits names the move. Figures are in the
second half: how long a message waits, and how soon it is tried again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.settings import OrchestratorSettings


class Known(StrEnum):
    """The record of an attempt."""

    NOT_TAKEN = "not_taken"  #: Never called, or called and certainly not taken.
    MAY_BE_OUT = "may_be_out"  #: Called, no answer recorded.
    CONCLUDED = "concluded"  #: It has its outcome.


class Recovery(StrEnum):
    """How a lost answer is recovered."""

    LOOK_UP = "look_up"  #: The provider can be asked for the result of the call.
    KEYS = "keys"  #: The same call has no second effect.
    RESEND = "resend"  #: The campaign would rather send twice than not at all.
    NONE = "none"  #: It cannot be recovered.

    @property
    def calls_again(self) -> bool:
        """Whether a lost answer is followed by another call, instead of being asked about."""
        return self in (Recovery.KEYS, Recovery.RESEND)

    @property
    def may_send_twice(self) -> bool:
        """Whether another call may be a second message."""
        return self is Recovery.RESEND


class Obstacle(StrEnum):
    """An obstacle to a send since it was decided."""

    NONE = "none"
    FORBIDDEN = "forbidden"  #: A rule forbids it by now.
    NOT_NOW = "not_now"  #: The allowed hours, or the day its price was held for, are over.
    PAUSED = "paused"  #: The campaign is paused.


class Move(StrEnum):
    """The next move of a run of a delivery."""

    ANSWER = "answer"  #: Give the outcome that is on record.
    SETTLE = "settle"  #: Wait until an interrupted call can be asked about, or be over.
    LOOK_UP = "look_up"  #: Ask the provider for the result of the call.
    YIELD = "yield"  #: Answer the obstacle: the message goes back to its workflow.
    WAIT_FOR_HOURS = "wait_for_hours"  #: Wait here, with key and hold, for the allowed hours.
    WAIT_FOR_RESUME = "wait_for_resume"  #: Wait for the campaign to be resumed.
    WAIT_FOR_ACCOUNT = "wait_for_account"  #: Wait for an account that is out of service.
    CALL = "call"  #: Hand the message over.
    LOSE = "lose"  #: Give up: it may have been taken, and that will never be known.


@dataclass(frozen=True)
class Situation:
    """All that the next move depends on."""

    known: Known
    recovery: Recovery
    obstacle: Obstacle = Obstacle.NONE
    #: The last call is over, and can be found if the provider has taken it.
    is_settled: bool = True
    #: An answer of this attempt was lost at some time, found since or not.
    was_lost: bool = False
    #: Calls may still be made whose answers might be lost as well.
    has_tries: bool = True
    #: The account is out of service: to call it, a run has to be let in.
    is_account_down: bool = False


_Rule = tuple[Callable[[Situation], bool], Move]


def _is_out(s: Situation) -> bool:
    return s.known is Known.MAY_BE_OUT


#: The first that fits counts. A message that may be out is settled before anything else; a call
#: is made only where it cannot be a second one, or where a second one was chosen. The end of the
#: patience ends nothing here: only a call that was not taken, or not let in, does.
RULES: Final[Sequence[_Rule]] = (
    (lambda s: s.known is Known.CONCLUDED, Move.ANSWER),
    (lambda s: _is_out(s) and not s.is_settled, Move.SETTLE),
    (lambda s: _is_out(s) and s.recovery is Recovery.NONE, Move.LOSE),
    (lambda s: _is_out(s) and s.recovery is Recovery.LOOK_UP, Move.LOOK_UP),
    (lambda s: _is_out(s) and s.obstacle is Obstacle.FORBIDDEN, Move.LOSE),
    (lambda s: _is_out(s) and s.obstacle is Obstacle.NOT_NOW, Move.WAIT_FOR_HOURS),
    (lambda s: s.obstacle in (Obstacle.FORBIDDEN, Obstacle.NOT_NOW), Move.YIELD),
    (lambda s: s.obstacle is Obstacle.PAUSED, Move.WAIT_FOR_RESUME),
    (lambda s: not s.has_tries, Move.LOSE),
    (lambda s: s.is_account_down, Move.WAIT_FOR_ACCOUNT),
    (lambda s: True, Move.CALL),
)


def next_move(situation: Situation) -> Move:
    """The move that a situation asks for."""
    return next(move for fits, move in RULES if fits(situation))


# Patience

#: Calls of an attempt that has lost an answer, while the account answers others.
MOST_LOST_CALLS: Final = 5

#: How long a message waits for a channel, from the first call that was not taken. E-mail is
#: a day: RFC 5321, 4.5.4.1, has servers keep trying for 4 to 5 days, which is longer than most
#: campaigns' messages are worth. Messengers and SMS are read at once or not at all.
DEFAULT_PATIENCE: Final = timedelta(hours=2)
PATIENCE: Final = {Channel.EMAIL: timedelta(hours=24)}

#: A message that comes back later than it was put off to has waited this much more at most: a
#: call, and the time until it is settled. The rest is not its provider's: no worker was there.
LATE_FOR_A_RETRY: Final = timedelta(minutes=1)

#: With no channel after it, a message waits for an outage to end as long as a mail server does
#: by RFC 5321, 4.5.4.1: giving up would help no recipient.
LONGEST_OUTAGE: Final = timedelta(days=5)

#: Waits of a recipient put off by a provider that names none. Mail: RFC 5321, 4.5.4.1,
#: asks for 30 minutes as a rule, and for less in the first hour; the first ones are short
#: because greylisting mostly ends after one to five minutes (RFC 6647, 5).
_MAIL_WAITS: Final = tuple(timedelta(minutes=m) for m in (1, 5, 10, 30, 60, 120))
_OTHER_WAITS: Final = tuple(timedelta(seconds=s) for s in (30, 60, 120, 300, 600))

#: Waits between two looks at an account that is out of service.
_PROBE_WAITS: Final = tuple(timedelta(seconds=s) for s in (5, 10, 20, 30, 60))
#: A wrong login may lock the account when it is tried too often.
_MISCONFIGURED_WAITS: Final = tuple(timedelta(seconds=s) for s in (30, 60, 120, 300, 600))

#: Failures in a row after which an account is out of service.
FAILURES_UNTIL_DOWN: Final = 3

#: Longest wait a provider is granted; a longer one is looked at once in between.
LONGEST_ASKED: Final = timedelta(hours=1)

#: A turn on a channel with a rate limit is waited for in place if it comes so soon: well within
#: the lease of a run, and few runs at a time are kept from other work.
SHORT_WAIT: Final = timedelta(seconds=1)

#: A line at an account that nothing has called for so long, and for one call's space, is not
#: waited behind: its messages are not coming. Those of a living line come later than this only
#: after a standstill of all workers.
EMPTY_LINE: Final = timedelta(seconds=2)

#: Messages that wait for an account come back one by one, so far apart.
SLOTS_APART: Final = timedelta(milliseconds=100)


def own_patience(settings: OrchestratorSettings, channel: Channel) -> timedelta:
    """The patience of a channel, at any position in a message's plan.

    Args:
        settings: the campaign's.
        channel: the channel; one that the settings leave out has its default.
    """
    minutes = settings.patience_minutes.get(channel)
    if minutes is None:
        return PATIENCE.get(channel, DEFAULT_PATIENCE)
    return timedelta(minutes=minutes)


def patience(settings: OrchestratorSettings, channel: Channel, *, is_last: bool) -> timedelta:
    """How long a message waits for a channel before it takes the next one.

    Args:
        settings: the campaign's.
        channel: the channel it waits for.
        is_last: whether no channel is left behind it.
    """
    longest = own_patience(settings, channel)
    if is_last or settings.fallback_after_minutes is None:
        return longest
    return min(longest, timedelta(minutes=settings.fallback_after_minutes))


def patience_left(
    settings: OrchestratorSettings,
    channel: Channel,
    waited: timedelta,
    *,
    is_last: bool,
    is_outage: bool,
) -> timedelta:
    """How much longer a message waits for a channel; negative when it has waited enough.

    Args:
        settings: the campaign's.
        channel: the channel it waits for.
        waited: how long it has waited there, nights and pauses not counted.
        is_last: whether no channel is left after it.
        is_outage: whether it waits for the account, not for its recipient.
    """
    longest = patience(settings, channel, is_last=is_last)
    if is_last and is_outage:
        longest = max(longest, LONGEST_OUTAGE)
    return longest - waited


def wait_for_recipient(channel: Channel, waited: timedelta, asked: timedelta | None) -> timedelta:
    """How long to wait with a recipient who is put off.

    Args:
        channel: the channel.
        waited: how long the message has waited already.
        asked: what the provider asked for, if it did; its own figure counts.
    """
    if asked is not None:
        return min(max(asked, timedelta(seconds=1)), LONGEST_ASKED)
    waits = _MAIL_WAITS if channel is Channel.EMAIL else _OTHER_WAITS
    return _step(waits, waited)


def wait_between_probes(
    down_for: timedelta, asked: timedelta | None, *, misconfigured: bool
) -> timedelta:
    """How long to wait with an account that is out of service.

    Args:
        down_for: since its first failure.
        asked: what the provider asked for, if it did.
        misconfigured: whether a human has to act.
    """
    waits = _MISCONFIGURED_WAITS if misconfigured else _PROBE_WAITS
    longest = max(_step(waits, down_for), asked or timedelta(0))
    return min(longest, LONGEST_ASKED)


def _step(waits: Sequence[timedelta], waited: timedelta) -> timedelta:
    """The next of some waits; the last one is repeated."""
    over = timedelta(0)
    for wait in waits:
        over += wait
        if waited < over:
            return wait
    return waits[-1]
