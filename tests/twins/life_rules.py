"""Rules that carry one message on and on, by how it stands: what single calls rarely meet."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from madan_sara.contracts.delivery import AttemptState, DeliveryEventKind
from madan_sara.contracts.outreach import ExitReason, OutreachState
from tests.twins import driver
from tests.twins.attempt_rules import AttemptRules
from tests.twins.campaign_rules import CampaignRules
from tests.twins.message_rules import MessageRules

#: How an attempt is put off: now, its run knowing of each opening.
_WAIT: Final = {"unknown": 0, "minutes": 1, "account": "first", "late": 0}
_ANSWER: Final = {"unknown": 0, "code": None, "account": None, "late": 0}


_carries = rule(message=driver.messages, ways=st.lists(st.integers(0, 9), min_size=3, max_size=12))


class LifeRules(MessageRules, AttemptRules, CampaignRules):
    """A message's ways, plain and odd."""

    def carry(self, message: int, ways: Sequence[int]) -> None:
        """Carry a message on: each way is one of those its state has, the plain one first."""
        ref = self.message(message)
        for way in ways:
            row = self.world.tables.messages.get(ref.message_id)
            if row is not None:
                steps = self._steps(self._number_of(row.message_id))[row.state]
                steps[way % len(steps)]()

    #: Several, as each rule has the same chance: several in ten carry a message on.
    carry_1 = _carries(carry)
    carry_2 = _carries(carry)
    carry_3 = _carries(carry)

    def _number_of(self, message_id: Any) -> int:
        known = list(reversed(self.world.tables.messages))
        return min(known.index(message_id), driver.MOST_MESSAGES - 1)

    def _steps(self, message: int) -> Mapping[OutreachState, Sequence[Callable[[], None]]]:
        """What may be next, by the state of a message."""
        decide = partial(self.decide, message, None, 0)
        record = partial(self.record, message, "newest", **_ANSWER)
        bounce = partial(
            self.receive, message, "newest", DeliveryEventKind.BOUNCED, "5.1.1", again=False
        )
        late_yes = partial(self.record, message, "before", AttemptState.ACCEPTED, **_ANSWER)
        after_sent = (
            bounce,
            partial(self.reopen, message),
            late_yes,
            partial(self.reserve, message, "next", None, 1, 0, 1_000, 0),
            partial(record, AttemptState.ACCEPTED),
            partial(self.receive, message, "newest", DeliveryEventKind.OPENED, None, again=False),
        )
        unsent = (partial(self.add_message, 0, message % 4, 0, False, is_queued=False),)
        return {
            OutreachState.QUEUED: (
                partial(self.dispatch, 0, 3, False, None),
                partial(self.dispatch, 1, 3, False, []),
                partial(self.requeue, 0),
            ),
            OutreachState.DECIDING: (
                decide,
                partial(self.reserve, message, "next", None, 0, 0, 1_000, 0),
                partial(self.claim, message, 0),
                partial(self.reopen, message),
                partial(self.put_back, message, ExitReason.DAILY_LIMIT),
                late_yes,
            ),
            OutreachState.SCHEDULED: (
                partial(self.open_attempt, message, "newest", 0, 0),
                partial(self.move, message, 1, 1, 1_000),
                decide,
                partial(self.put_off, message, "newest", is_lost=False, **_WAIT),
                late_yes,
                partial(self.open_attempt, message, "before", 0, 0),
            ),
            OutreachState.SENDING: (
                partial(record, AttemptState.ACCEPTED),
                partial(record, AttemptState.REFUSED),
                partial(self.put_off, message, "newest", is_lost=True, **_WAIT),
                partial(self.close_attempt, message, "newest", 0),
                bounce,
                partial(self.put_off, message, "newest", is_lost=False, **_WAIT),
                partial(self.release, message, "newest"),
                partial(self.reserve, message, "next", None, 1, 0, 1_000, 0),
                partial(self.move, message, 0, 0, 0),
                partial(record, AttemptState.UNKNOWN),
            ),
            OutreachState.SENT: after_sent,
            OutreachState.UNKNOWN: after_sent,
            OutreachState.BLOCKED: unsent,
            OutreachState.FAILED: unsent,
            OutreachState.CANCELLED: unsent,
        }
