"""Whether what we say was sent is what the other sides got."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from contracts.channels import Channel
from contracts.delivery import AttemptState
from contracts.naming import idempotency_key
from contracts.outreach import OutreachState
from devstack.demo.ledger import Verdict
from devstack.demo.outcomes import Outcome
from devstack.mail_sink import StoredMail
from devstack.sandbox.journal import LoggedRequest
from persistence.intake import AttemptRecord

_TAKEN = (AttemptState.ACCEPTED, AttemptState.BOUNCED)


@dataclass(frozen=True)
class _Call:
    """One attempt as the provider knows it."""

    key: str
    attempt: AttemptRecord


def check_outcomes(outcomes: Sequence[Outcome]) -> Verdict:
    """Every outcome must be the expected one."""
    faults = [
        f"{outcome.example.id}, {outcome.record.campaign_name}: {difference}"
        for outcome in outcomes
        for difference in outcome.differences()
    ]
    return Verdict(f"all {len(outcomes)} outcomes are the expected ones", faults)


def check_mails(outcomes: Sequence[Outcome], mails: Sequence[StoredMail]) -> Verdict:
    """Every mail expected must be in the sink once, and no other."""
    sent = (OutreachState.SENT, OutreachState.UNKNOWN)
    expected = Counter(
        str(outcome.example.contact_info.email)
        for outcome in outcomes
        if outcome.example.expect.channel is Channel.EMAIL and outcome.example.expect.state in sent
    )
    arrived = Counter(recipient for mail in mails for recipient in mail.envelope_to)
    faults = [
        f"{address} should have got {expected[address]} mails and got {arrived[address]}"
        for address in sorted(expected | arrived)
        if expected[address] != arrived[address]
    ]
    same = Counter(str(mail.message["Message-ID"]) for mail in mails)
    faults += [
        f"{number} mails have the Message-ID {id_}" for id_, number in same.items() if number > 1
    ]
    return Verdict(f"the {expected.total()} mails expected are in the mail sink, each once", faults)


def check_sandbox(outcomes: Sequence[Outcome], log: Sequence[LoggedRequest]) -> Verdict:
    """The sandbox's own log must agree with our attempts, to the message and to the call."""
    calls = list(_calls(outcomes))
    ours = {call.key: call.attempt.provider_message_id for call in calls if _is_taken(call)}
    theirs = {
        entry.idempotency_key or "a request without a key": entry.provider_message_id
        for entry in log
        if entry.taken
    }
    faults = [f"{key}: taken, and we do not know" for key in theirs.keys() - ours.keys()]
    faults += [
        f"{key}: sent, and the sandbox has not got it" for key in ours.keys() - theirs.keys()
    ]
    faults += [
        f"{key}: known to the sandbox as {theirs[key]}, to us as {ours[key]}"
        for key in theirs.keys() & ours.keys()
        if theirs[key] != ours[key]
    ]
    times_taken = Counter(entry.idempotency_key for entry in log if entry.taken)
    faults += [f"{key}: taken {times} times" for key, times in times_taken.items() if times > 1]
    times_asked = Counter(entry.idempotency_key for entry in log)
    faults += [
        f"{call.key}: {call.attempt.tries} calls by our count, {times_asked[call.key]} by theirs"
        for call in calls
        if call.attempt.tries != times_asked[call.key]
    ]
    return Verdict(
        f"the sandbox providers took {len(ours)} messages, each once, in {len(log)} calls, "
        "and their log agrees with our attempts",
        sorted(faults),
    )


def _calls(outcomes: Iterable[Outcome]) -> Iterable[_Call]:
    for outcome in outcomes:
        for attempt in outcome.record.attempts:
            if attempt.provider == "sandbox":
                key = idempotency_key(outcome.record.message_id, attempt.attempt_no)
                yield _Call(key, attempt)


def _is_taken(call: _Call) -> bool:
    return call.attempt.state in _TAKEN
