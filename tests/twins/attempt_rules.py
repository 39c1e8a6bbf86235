"""Rules on attempts: calls of providers, their answers and receipts, early, late and twice."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from madan_sara.activities.attempt_store import Postponement
from madan_sara.contracts.delivery import AttemptState, DeliveryEvent, DeliveryEventKind
from tests.twins import driver
from tests.twins.driver import Driver
from tests.twins.world import CHANNELS

_results = st.sampled_from([state for state in AttemptState if state is not AttemptState.SENDING])
_kinds = st.sampled_from([DeliveryEventKind.BOUNCED, *DeliveryEventKind])


class AttemptRules(Driver):
    """Calls on `AttemptStore`, and receipts."""

    @rule(
        message=driver.messages,
        attempt=driver.attempts,
        channel=driver.channels,
        account=st.sampled_from(driver.ACCOUNTS),
    )
    def read_delivery(self, message: int, attempt: str, channel: int, account: str) -> None:
        ref = self.message(message)
        facts = self.world.attempts.delivery_facts(
            ref,
            self.attempt(ref, attempt),
            self.channel(ref, channel),
            self.account(account),
        )
        self.do(facts)

    @rule(
        message=driver.messages,
        attempt=driver.attempts,
        unknown=driver.unknown_openings,
        late=driver.late,
    )
    def open_attempt(self, message: int, attempt: str, unknown: int, late: int) -> None:
        ref = self.message(message)
        attempt_no = self.attempt(ref, attempt)
        opened = self.world.attempts.open_attempt(
            ref,
            attempt_no,
            self.channel(ref, 0),
            "postman",
            self.at(late),
            openings_before=self.openings(ref, attempt_no, unknown),
        )
        self.do(opened)

    @rule(
        message=driver.messages,
        attempt=driver.attempts,
        state=_results,
        unknown=driver.unknown_openings,
        code=driver.codes,
        account=driver.called_accounts,
        late=driver.late,
    )
    def record(
        self,
        message: int,
        attempt: str,
        state: AttemptState,
        unknown: int,
        code: str | None,
        account: str | None,
        late: int,
    ) -> None:
        ref = self.message(message)
        attempt_no = self.attempt(ref, attempt)
        recorded = self.world.attempts.record_attempt(
            ref,
            attempt_no,
            state,
            self.at(late),
            openings=self.openings(ref, attempt_no, unknown),
            tries=1,
            code=code,
            called_account=account and self.account(account),
        )
        self.do(recorded)

    @rule(
        message=driver.messages,
        attempt=driver.attempts,
        unknown=driver.unknown_openings,
        minutes=st.sampled_from([1, 0, 90]),
        account=driver.called_accounts,
        is_lost=st.booleans(),
        late=driver.late,
    )
    def put_off(
        self,
        message: int,
        attempt: str,
        unknown: int,
        minutes: int,
        account: str | None,
        is_lost: bool,
        late: int,
    ) -> None:
        ref = self.message(message)
        attempt_no = self.attempt(ref, attempt)
        at = self.at(late)
        called = account and self.account(account)
        postponement = Postponement(
            until=at + timedelta(minutes=minutes),
            code="answer_lost" if is_lost else "put_off",
            account=called,
            may_be_out=is_lost,
            was_lost=is_lost,
            awaits_turn=called is None and not is_lost and minutes == 1,
        )
        waiting = self.world.attempts.put_off(
            ref,
            attempt_no,
            self.channel(ref, 0),
            at,
            postponement,
            openings=self.openings(ref, attempt_no, unknown),
            tries=2,
            called_account=called,
        )
        self.do(waiting)

    @rule(message=driver.messages, attempt=driver.attempts)
    def stop_waiting(self, message: int, attempt: str) -> None:
        ref = self.message(message)
        self.do(self.world.attempts.resume_attempt(ref, self.attempt(ref, attempt)))

    @rule(message=driver.messages, channel=driver.channels, late=driver.late)
    def suppress_address(self, message: int, channel: int, late: int) -> None:
        suppressed = self.world.attempts.suppress_address(
            self.message(message), CHANNELS[channel], self.at(late)
        )
        self.do(suppressed)

    @rule(message=driver.messages, attempt=driver.attempts, late=driver.late)
    def close_attempt(self, message: int, attempt: str, late: int) -> None:
        ref = self.message(message)
        closed = self.world.attempts.close_attempt(
            ref, self.attempt(ref, attempt), self.channel(ref, 0), self.at(late)
        )
        self.do(closed)

    @rule(
        message=driver.messages,
        attempt=driver.attempts,
        kind=_kinds,
        code=driver.codes,
        again=st.sampled_from([False, False, True]),
    )
    def receive(
        self, message: int, attempt: str, kind: DeliveryEventKind, code: str | None, again: bool
    ) -> None:
        """A receipt; `again`: under an id that stands for one already, perhaps another's."""
        ref = self.message(message)
        number = len(self.world.tables.receipts)
        event = DeliveryEvent(
            provider="postman",
            provider_event_id=f"report {number - 1 if again else number}",
            message_id=ref.message_id,
            attempt_no=self.attempt(ref, attempt),
            kind=kind,
            occurred_at=self.at(),
            code=code,
        )
        self.do(self.world.receipts.receive(self.world.tenant_id, event, self.at()))
