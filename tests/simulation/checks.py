"""What must hold in every life: each rule a small function with a name."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from madan_sara.activities.lease import LEASE
from madan_sara.activities.sender import OutgoingMessage
from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AttemptState
from madan_sara.contracts.outreach import FINAL_STATES, UNSENT_STATES, OutreachResult, OutreachState
from madan_sara.contracts.settings import AmbiguityPolicy
from madan_sara.policy.campaign_days import campaign_day
from madan_sara.policy.frequency import DAY
from madan_sara.policy.ledger import discrepancies
from madan_sara.policy.zones import is_allowed, resolve_zone
from tests.simulation.activations import value_of
from tests.simulation.provider import Taking
from tests.simulation.tables import ClaimRow, MessageRow

if TYPE_CHECKING:
    from tests.simulation.execution import Execution
    from tests.simulation.life import Life

_SENT = (OutreachState.SENT, OutreachState.UNKNOWN)
#: How long a provider may be unable to say what became of a call.
_LONGEST_LOOK: Final = 600.0
#: A timer is started when its task is answered, which may take so long.
_LATE: Final = 20.0
#: States a message never leaves, whatever comes.
_UNSENT = frozenset(UNSENT_STATES)


class Checks:
    """Looks at a life after each step.

    Args:
        life: what is looked at.
    """

    def __init__(self, life: "Life") -> None:
        self._life = life
        self._fail = life.fail
        self._entries = 0
        #: States of messages at the last look.
        self._states: dict[UUID, OutreachState] = {}
        self.takings: list[Taking] = []
        #: When each channel with a limit was called.
        self._calls: dict[Channel, list[datetime]] = {}

    # When they look

    def after_commit(self, what: str) -> None:
        """Whatever a statement has changed."""
        tables = self._life.tables
        if len(tables.entries) != self._entries:
            self._entries = len(tables.entries)
            self._accounts_equal_their_entries()
            self._accounts_are_within_their_limits()
        for message in tables.messages.values():
            before = self._states.get(message.message_id)
            if message.state is not before:
                self._states[message.message_id] = message.state
                self._life.tell(
                    "outreach %s is %s (%s)", message.message_id.int, message.state, what
                )
                self._what_ended_unsent_stays_so(message, before)
                self._what_ended_unsent_holds_nothing(message)
                self._what_was_sent_is_paid(message)

    def claim_granted(self, claim: ClaimRow, now: datetime) -> None:
        """A claim, as soon as it is granted."""
        self._one_live_claim_per_campaign(claim)
        self._frequency_caps_hold(claim, now)

    def before_call(self, message: OutgoingMessage) -> None:
        """A provider is called: it takes the message, or may take it."""
        row = self._life.tables.messages[message.message_id]
        attempt_no = int(message.idempotency_key.rpartition(":")[2])
        self._a_call_is_paid_for(row, attempt_no)
        self._a_call_has_a_live_claim(row)
        self._a_call_is_made_on_the_channel_it_is_paid_on(row, attempt_no, message.channel)
        self._a_call_is_on_record(row, attempt_no)
        self._an_ended_message_is_not_sent(row)
        self._nothing_is_sent_while_paused_or_over(row)
        self._nothing_is_sent_to_the_suppressed(row, message)
        self._nothing_is_sent_in_quiet_hours(row)
        self._a_send_counts_for_its_day(row, attempt_no)
        self._calls_keep_to_their_rate(message.channel)

    def after_taking(self, taking: Taking) -> None:
        """A recipient has got a message."""
        self._no_message_is_sent_twice(taking)
        self.takings.append(taking)
        self._nobody_gets_more_than_the_cap()

    def after_task(self, execution: "Execution") -> None:
        """A workflow has done what there was to do."""
        if execution.closed is not None:
            return
        self._something_wakes_every_workflow(execution)
        if (seconds := execution.only_sleeps_for) is not None:
            self._no_command_waits_for_a_sleeper(execution, seconds)
            self._nobody_oversleeps(execution, seconds)

    def after_close(self, execution: "Execution") -> None:
        """A workflow has ended."""
        command = execution.closed
        assert command is not None
        if command.HasField("fail_workflow_execution"):
            failure = command.fail_workflow_execution.failure.message
            self._fail("no_workflow_fails", f"{execution.name}: {failure}")
        if command.HasField("complete_workflow_execution") and execution.name.startswith(
            "outreach"
        ):
            payload = command.complete_workflow_execution.result
            self._a_workflow_ends_as_its_message(value_of(payload, OutreachResult))

    def at_the_end(self) -> None:
        """Everything is over."""
        for message in self._life.tables.messages.values():
            self._every_message_has_an_end(message)
            self._what_was_taken_counts(message)
            if message.state in _UNSENT:
                self._what_ended_unsent_holds_nothing(message)
        self._no_hold_is_left()

    # The rules: money

    def _accounts_equal_their_entries(self) -> None:
        tables = self._life.tables
        for wrong in discrepancies(tables.accounts, tables.entries):
            self._fail("accounts_equal_their_entries", str(wrong))

    def _accounts_are_within_their_limits(self) -> None:
        for key, account in self._life.tables.accounts.items():
            used = account.held_micros + account.spent_micros
            if account.limit_micros is not None and used > account.limit_micros:
                self._fail("accounts_are_within_their_limits", f"{key}: {account}")
            if account.message_limit is not None and account.message_count > account.message_limit:
                self._fail("accounts_are_within_their_limits", f"{key}: {account}")

    def _a_call_is_paid_for(self, message: MessageRow, attempt_no: int) -> None:
        if self._life.tables.open_hold(message.message_id, attempt_no) is None:
            self._fail("a_call_is_paid_for", f"{_name(message)}: attempt {attempt_no} has no hold")

    def _a_call_is_made_on_the_channel_it_is_paid_on(
        self, message: MessageRow, attempt_no: int, channel: Channel
    ) -> None:
        hold = self._life.tables.open_hold(message.message_id, attempt_no)
        if hold is not None and hold.channel != channel:
            what = f"{_name(message)}: held on {hold.channel}, called by {channel}"
            self._fail("a_call_is_made_on_the_channel_it_is_paid_on", what)

    def _no_hold_is_left(self) -> None:
        tables = self._life.tables
        for key in tables.holds:
            if key not in tables.ends:
                self._fail("no_hold_is_left", f"attempt {key[1]} of outreach {key[0].int}")

    def _what_was_sent_is_paid(self, message: MessageRow) -> None:
        if message.state not in _SENT:
            return
        tables = self._life.tables
        holds = [key for key in tables.holds if key[0] == message.message_id]
        if not any(tables.ends.get(key) == "settle" for key in holds):
            self._fail("what_was_sent_is_paid", _name(message))
        if any(key not in tables.ends for key in holds):
            self._fail("what_was_sent_is_paid", f"{_name(message)} still holds money")

    # The rules: one message

    def _no_message_is_sent_twice(self, taking: Taking) -> None:
        """Unless its owner chose that, or what was sent before was reported as bounced."""
        tables = self._life.tables
        campaign = tables.campaign_of(tables.messages[taking.message_id])
        for before in self.takings:
            if before.message_id != taking.message_id:
                continue
            attempt_no = int(before.key.rpartition(":")[2])
            attempt = tables.attempts[taking.message_id, attempt_no]
            may_repeat = campaign.settings.ambiguity_policy(before.channel)
            if may_repeat is AmbiguityPolicy.AT_LEAST_ONCE or attempt.bounced:
                continue
            self._fail(
                "no_message_is_sent_twice",
                f"outreach {taking.message_id.int} by {before.channel}, then {taking.channel}",
            )

    def _a_call_is_on_record(self, message: MessageRow, attempt_no: int) -> None:
        row = self._life.tables.attempts.get((message.message_id, attempt_no))
        if row is None or row.attempt.state is not AttemptState.SENDING:
            self._fail("a_call_is_on_record", f"{_name(message)}, attempt {attempt_no}: {row}")

    def _an_ended_message_is_not_sent(self, message: MessageRow) -> None:
        if message.state in FINAL_STATES:
            self._fail("an_ended_message_is_not_sent", f"{_name(message)} is {message.state}")

    def _what_ended_unsent_stays_so(
        self, message: MessageRow, before: OutreachState | None
    ) -> None:
        if before in _UNSENT:
            self._fail(
                "what_ended_unsent_stays_so", f"{_name(message)}: {before}, then {message.state}"
            )

    def _what_ended_unsent_holds_nothing(self, message: MessageRow) -> None:
        if message.state not in _UNSENT and message.state is not OutreachState.QUEUED:
            return
        tables = self._life.tables
        claim = tables.claims.get(message.message_id)
        if claim is not None and not claim.is_released:
            self._fail("what_ended_unsent_holds_nothing", f"{_name(message)} keeps its claim")
        for owner, attempt_no in tables.holds:
            if owner == message.message_id and tables.open_hold(owner, attempt_no):
                self._fail("what_ended_unsent_holds_nothing", f"{_name(message)} keeps a hold")

    def _every_message_has_an_end(self, message: MessageRow) -> None:
        if message.state not in FINAL_STATES:
            self._fail("every_message_has_an_end", f"{_name(message)} is {message.state}")

    def _a_workflow_ends_as_its_message(self, result: OutreachResult) -> None:
        state = self._life.tables.messages[result.message_id].state
        known_since = (result.state, state) == (OutreachState.UNKNOWN, OutreachState.SENT)
        if result.state is not state and not known_since:
            what = f"outreach {result.message_id.int} says {result.state}, and is {state}"
            self._fail("a_workflow_ends_as_its_message", what)

    def _what_was_taken_counts(self, message: MessageRow) -> None:
        """A recipient's message is sent, or may be; but for one that came back."""
        taken = {int(t.key[-1]) for t in self.takings if t.message_id == message.message_id}
        for attempt_no in taken:
            row = self._life.tables.attempts[message.message_id, attempt_no]
            if message.state in _UNSENT and not row.bounced:
                self._fail("what_was_taken_counts", f"{_name(message)} is {message.state}")

    # The rules: sleep

    def _something_wakes_every_workflow(self, execution: "Execution") -> None:
        if not execution.can_be_woken:
            self._fail("something_wakes_every_workflow", f"{execution.name} sleeps for ever")

    def _no_command_waits_for_a_sleeper(self, execution: "Execution", seconds: float) -> None:
        """Only to hear what became of a call may a command wait."""
        if execution.has_open_commands and seconds > _LONGEST_LOOK:
            self._fail("no_command_waits_for_a_sleeper", f"{execution.name}: {seconds:.0f} s")

    def _nobody_oversleeps(self, execution: "Execution", seconds: float) -> None:
        """A workflow sleeps no longer than the stored plan says, also after a lost task."""
        message = self._life.message_of(execution)
        if message is None or message.state is not OutreachState.SCHEDULED:
            return
        due = (message.scheduled_at or self._life.now()) - self._life.now()
        if seconds > max(due.total_seconds(), 0.0) + _LATE:
            self._fail("nobody_oversleeps", f"{_name(message)}: due in {due}, wakes in {seconds} s")

    # The rules: when and to whom. A run may call on facts that are as old as its lease.

    def _nothing_is_sent_while_paused_or_over(self, message: MessageRow) -> None:
        row = self._life.tables.campaigns[message.campaign_id]
        now = self._life.now()
        if row.campaign.status is not CampaignStatus.ACTIVE and now - row.status_since > LEASE:
            what = f"{_name(message)}: its campaign is {row.campaign.status}"
            self._fail("nothing_is_sent_while_paused_or_over", what)
        if row.campaign.is_over(now - LEASE):
            self._fail("nothing_is_sent_while_paused_or_over", f"{_name(message)}: past the end")

    def _nothing_is_sent_to_the_suppressed(
        self, message: MessageRow, outgoing: OutgoingMessage
    ) -> None:
        known = self._life.now() - LEASE
        for row in self._life.tables.suppressions:
            concerns = (
                row.subject == message.recipient_id
                if row.kind == "recipient"
                else row.subject == message.addresses.get(outgoing.channel)
            )
            if concerns and row.channel in (None, outgoing.channel) and row.created_at < known:
                self._fail("nothing_is_sent_to_the_suppressed", f"{_name(message)}: {row}")

    def _nothing_is_sent_in_quiet_hours(self, message: MessageRow) -> None:
        campaign, now = self._life.tables.campaign_of(message), self._life.now()
        quiet, profile = campaign.settings.quiet_hours, message.rendered.profile
        zone = resolve_zone(campaign, campaign.settings, profile)[0]
        if not is_allowed(now, zone, quiet) and not is_allowed(now - LEASE, zone, quiet):
            self._fail("nothing_is_sent_in_quiet_hours", f"{_name(message)} at {now}")

    def _a_send_counts_for_its_day(self, message: MessageRow, attempt_no: int) -> None:
        """But for what may be out already, which keeps its hold whatever the day."""
        tables, now = self._life.tables, self._life.now()
        campaign = tables.campaign_of(message)
        attempt = tables.attempts[message.message_id, attempt_no].attempt
        day = tables.holds[message.message_id, attempt_no].day
        days = {campaign_day(campaign, at).isoformat() for at in (now, now - LEASE)}
        if day not in days and attempt.openings == 1:
            self._fail("a_send_counts_for_its_day", f"{_name(message)}: {day}, sent {now}")

    def _calls_keep_to_their_rate(self, channel: Channel) -> None:
        """In no time up to now more calls than its turns, and those that its runs still had."""
        per_second = self._life.limits.get(channel)
        if per_second is None:
            return
        now, calls = self._life.now(), self._calls.setdefault(channel, [])
        calls.append(now)
        approach = self._life.providers[channel].capabilities.longest_approach
        for number, since in enumerate(reversed(calls), 1):
            span = now - since + LEASE + approach
            if number > 1 + per_second * span.total_seconds():
                what = f"{number} calls by {channel} since {since}, of {per_second} a second"
                self._fail("calls_keep_to_their_rate", what)

    # The rules: people

    def _a_call_has_a_live_claim(self, message: MessageRow) -> None:
        claim = self._life.tables.claims.get(message.message_id)
        if claim is None or claim.is_released:
            self._fail("a_call_has_a_live_claim", f"{_name(message)}: {claim}")

    def _one_live_claim_per_campaign(self, claim: ClaimRow) -> None:
        for other in self._life.tables.claims.values():
            if (
                other is not claim
                and other.campaign_id == claim.campaign_id
                and not (other.is_released or other.forced or claim.forced)
                and not other.identifiers.isdisjoint(claim.identifiers)
                and (other.covers_until is None or other.covers_until > claim.claimed_at)
            ):
                what = f"outreaches {other.message_id.int} and {claim.message_id.int}"
                self._fail("one_live_claim_per_campaign", what)

    def _frequency_caps_hold(self, claim: ClaimRow, now: datetime) -> None:
        tables = self._life.tables
        if claim.forced:
            return
        others = sum(
            not other.is_released
            and other is not claim
            and not other.identifiers.isdisjoint(claim.identifiers)
            and (other.sent_at is None or other.sent_at > now - DAY)
            for other in tables.claims.values()
        )
        cap = tables.campaigns[claim.campaign_id].campaign.settings.max_messages_per_day
        if others >= cap:
            self._fail("frequency_caps_hold", f"outreach {claim.message_id.int} is one too many")

    def _nobody_gets_more_than_the_cap(self) -> None:
        """Counted anew from what recipients got; bounced and forced messages do not count."""
        tables = self._life.tables
        counted: dict[str, set[UUID]] = {}
        most = max(row.campaign.settings.max_messages_per_day for row in tables.campaigns.values())
        since = self._life.now() - timedelta(days=1)
        for taking in self.takings:
            message = tables.messages[taking.message_id]
            bounced = any(row.bounced for _, row in tables.attempts_of(taking.message_id))
            if taking.at > since and not bounced and not message.force_send:
                counted.setdefault(message.recipient_id, set()).add(taking.message_id)
        for recipient, messages in counted.items():
            if len(messages) > most:
                self._fail("nobody_gets_more_than_the_cap", f"{recipient}: {len(messages)}")


def _name(message: MessageRow) -> str:
    return f"outreach {message.message_id.int}"
