"""Short stories of what goes wrong together: single calls rarely fall into their order.

Each has a new message to carry, and leaves what it came to for other calls to meet.
"""

from functools import partial
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AttemptState, DeliveryEventKind
from madan_sara.contracts.outreach import ExitReason, OutreachState
from tests.twins import driver
from tests.twins.account_rules import AccountRules
from tests.twins.life_rules import LifeRules
from tests.twins.message_rules import people
from tests.twins.world import CHANNELS

_campaigns = st.integers(0, 1)
_answers = st.sampled_from(
    [AttemptState.ACCEPTED, AttemptState.UNKNOWN, AttemptState.REFUSED, AttemptState.NOT_SENT]
)
_BOUNCED: Final = DeliveryEventKind.BOUNCED


class StoryRules(LifeRules, AccountRules):
    """Sequences of other rules."""

    @rule(person=people, force_send=st.booleans(), is_lost=st.booleans())
    def claim_in_a_shorter_window(self, person: int, force_send: bool, is_lost: bool) -> None:
        """A window is made shorter, another message claims the person, the first one bounces."""
        self._send_new(1, person, force_send=False)
        self.receive(0, "newest", _BOUNCED, None, again=False)
        self._shorten_window(1)
        self.pass_time(70)
        self.add_message(1, person, 1, force_send, is_queued=False)
        (self.claim if is_lost else partial(self.decide, number=None))(message=0, late=0)
        self.reopen(1)

    @rule(campaign=_campaigns, person=people, stale=st.sampled_from([0, -1]), answer=_answers)
    def answer_twice(self, campaign: int, person: int, stale: int, answer: AttemptState) -> None:
        """The calls of an attempt and of the one in its place are both answered."""
        self._open_new(campaign, person)
        self.move(0, 1, 0, 1_000)
        self.open_attempt(0, "newest", 0, 0)
        self.open_attempt(0, "newest", stale, 0)
        self.record(0, "newest", answer, stale, None, None, 0)
        self.record(0, "newest", AttemptState.ACCEPTED, 0, None, None, 25)
        self.record(0, "before", AttemptState.ACCEPTED, 0, None, None, 0)

    @rule(campaign=_campaigns, person=people)
    def lose_the_second_answer(self, campaign: int, person: int) -> None:
        """The first of two calls is answered in time, and bounces; the second is given up."""
        self._open_new(campaign, person)
        self.move(0, 1, 0, 1_000)
        self.record(0, "before", AttemptState.ACCEPTED, 0, None, None, 0)
        self.open_attempt(0, "newest", 0, 0)
        self.close_attempt(0, "newest", 0)
        self.receive(0, "before", _BOUNCED, "5.1.1", again=False)

    @rule(campaign=_campaigns, person=people, answer=_answers, code=driver.codes)
    def bounce_early(
        self, campaign: int, person: int, answer: AttemptState, code: str | None
    ) -> None:
        """The bounce is heard before the answer."""
        self._open_new(campaign, person)
        self.receive(0, "newest", _BOUNCED, code, again=False)
        self.record(0, "newest", answer, 0, code, None, 0)
        self.reopen(0)

    @rule(campaign=_campaigns, person=people, answer=_answers, is_lost=st.booleans())
    def answer_after_a_wait(
        self, campaign: int, person: int, answer: AttemptState, is_lost: bool
    ) -> None:
        """A run is overtaken while it waits, and answers all the same."""
        self._open_new(campaign, person)
        self.put_off(0, "newest", 0, 1, "first", is_lost, 0)
        self.open_attempt(0, "newest", 0, 0)
        self.record(0, "newest", answer, -1, "mailbox_full", None, 0)
        self.put_off(0, "newest", 0, 1, "second", is_lost, 0)
        self.stop_waiting(0, "newest")
        self.look(campaign, 0, from_start=False)

    @rule(campaign=_campaigns, person=people)
    def end_while_waiting(self, campaign: int, person: int) -> None:
        """A message that waits for its channel is cancelled."""
        self._open_new(campaign, person)
        self.put_off(0, "newest", 0, 1, "first", is_lost=False, late=0)
        cancelled = (OutreachState.CANCELLED, ExitReason.CANCELLED)
        self.conclude(0, cancelled, is_routed=False, late=0)
        self.look(campaign, 0, from_start=False)

    @rule(campaign=_campaigns, person=people, is_requeued=st.booleans())
    def put_back_what_was_taken(self, campaign: int, person: int, is_requeued: bool) -> None:
        """A dispatch dies between a take and its note of it; the message is back meanwhile."""
        self.add_message(campaign, person, 0, False, is_queued=True)
        self.dispatch(campaign, 3, False, [])
        self.claim(0, 0)
        self.put_back(0, ExitReason.DAILY_LIMIT)
        if is_requeued:
            self.requeue(campaign)
        self.dispatch(campaign, 1, True, [0])

    @rule(campaign=_campaigns, person=people, reason=st.sampled_from(["expired", "cancelled"]))
    def sweep_the_sleeping(self, campaign: int, person: int, reason: str) -> None:
        """A campaign's sleeping messages are ended, each with its hold."""
        self.add_message(campaign, person, 0, False, is_queued=False)
        self.decide(0, None, 0)
        state = OutreachState.CANCELLED if reason == "cancelled" else OutreachState.BLOCKED
        self.sweep(campaign, ([OutreachState.SCHEDULED], state, ExitReason(reason)), 1, 1, 0)

    @rule(account=st.sampled_from(driver.ACCOUNTS), is_late=st.booleans())
    def look_whether_it_is_back(self, account: str, is_late: bool) -> None:
        """One call looks whether an account is back; others ask meanwhile, or take it back."""
        self.fail(account, 5, 1, is_probe=False, refuses_settings=False, late=0)
        self.pass_time(1)
        self.admit(account, 0)
        self.admit(account, 0)
        self.give_look_back(account, is_late=is_late)
        self.admit(account, 0)

    @rule(
        account=st.sampled_from(driver.ACCOUNTS),
        minutes=st.sampled_from([1, 20]),
        until_down=st.sampled_from([1, 3]),
        is_probe=st.booleans(),
    )
    def fail_again(self, account: str, minutes: int, until_down: int, is_probe: bool) -> None:
        """An account fails soon after it has failed, or long after, and asks for less time."""
        self.works(account)
        self.fail(account, 3_600, until_down, is_probe=False, refuses_settings=False, late=0)
        self.admit(account, 0)
        self.pass_time(minutes)
        self.fail(account, 5, until_down, is_probe, refuses_settings=False, late=0)
        self.admit(account, 0)

    @rule(person=people, another=people, channel=st.sampled_from(CHANNELS), by_hand=st.booleans())
    def suppress_a_namesake(
        self, person: int, another: int, channel: Channel, by_hand: bool
    ) -> None:
        """What is one person's address is another's, too, there or on another channel."""
        self.add_message(1, person, 0, False, is_queued=False)
        if by_hand:
            self.suppress_person(person, channel)
        self.suppress_address(0, CHANNELS.index(channel), 0)
        self.add_message(1, another, 0, False, is_queued=False)
        self.claim(0, 0)

    @rule(campaign=_campaigns, person=people, is_back=st.booleans())
    def go_on_after_a_bounce(self, campaign: int, person: int, is_back: bool) -> None:
        """A message is taken up too early, then by its bounce, and carried on."""
        self._send_new(campaign, person)
        self._open_new(campaign, person)
        self.record(0, "newest", AttemptState.ACCEPTED, 0, None, None, 25)
        self.reopen(0)
        self.receive(0, "newest", _BOUNCED, "5.1.1", again=False)
        self.reopen(0)
        if is_back:
            self.put_back(0, ExitReason.DAILY_LIMIT)
        self.reserve(0, "next", None, 1, 0, 1_000, 0)
        self.look(campaign, 0, from_start=False)

    @rule(campaign=_campaigns, person=people, price=st.sampled_from([8_000, 1_000, 9_000]))
    def move_within_a_tight_limit(self, campaign: int, person: int, price: int) -> None:
        """A hold's own room is free for the one in its place."""
        self.change(campaign, None, CHANNELS, "0.0085", None, 24, auto_pacing=True)
        self._open_new(campaign, person)
        self.move(0, 1, 0, price)
        self.release(0, "newest")
        self.reserve(0, "next", None, 0, 0, price, 0)

    @rule(person=people, kind=st.sampled_from(["paused", "completed", "cancelled"]))
    def stop_for_a_while(self, person: int, kind: str) -> None:
        """A campaign with a recipient to start is stopped, perhaps for good, and resumed."""
        self.add_message(2, person, 0, False, is_queued=True)
        self.command(2, kind, 0)
        self.dispatch(2, 3, False, [])
        self.command(2, "resumed", 0)
        self.dispatch(2, 3, False, None)

    def _open_new(self, campaign: int, person: int, *, force_send: bool = True) -> None:
        self.add_message(campaign, person, 0, force_send, is_queued=False)
        self.decide(0, None, 0)
        self.open_attempt(0, "newest", 0, 0)

    def _send_new(self, campaign: int, person: int, *, force_send: bool = True) -> None:
        self._open_new(campaign, person, force_send=force_send)
        self.record(0, "newest", AttemptState.ACCEPTED, 0, None, None, 0)

    def _shorten_window(self, campaign: int) -> None:
        self.change(campaign, None, CHANNELS, None, None, 1, auto_pacing=False)
