"""Whether the other sides got exactly the messages that our records call sent."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from madan_sara.config.settings import WorkerSettings
from madan_sara.contracts.delivery import AttemptState, DeliveryEventKind
from madan_sara.delivery.email_letter import message_id_header
from madan_sara.delivery.smtp_settings import SmtpSettings
from madan_sara.devstack.checks.records import TAKEN, AttemptRow, Records
from madan_sara.devstack.checks.results import CheckResult
from madan_sara.emulators.mail_sink import StoredMail
from madan_sara.emulators.sandbox.journal import LoggedRequest, Receipt

_SANDBOX: Final = "sandbox"
_MAIL: Final = "smtp"
#: A sender like the worker's: its domain is part of every Message-ID.
_SMTP: Final = SmtpSettings(
    host="localhost", port=25, sender=str(WorkerSettings.model_fields["smtp_sender"].default)
)


@dataclass(frozen=True)
class Taken:
    """A message that has arrived, as the other side has it."""

    #: The attempt's key; empty: none of ours.
    key: str
    address: str
    at: datetime
    #: Empty where the provider gives none.
    provider_message_id: str = ""


def taken_by_sandbox(log: Iterable[LoggedRequest]) -> list[Taken]:
    """The messages the sandbox providers took."""
    return [
        Taken(entry.idempotency_key or "", entry.to, entry.at, entry.provider_message_id or "")
        for entry in log
        if entry.taken
    ]


def taken_by_mail_sink(mails: Iterable[StoredMail], records: Records) -> list[Taken]:
    """The messages in the mailboxes, one for each recipient."""
    keys = {
        message_id_header(attempt.key, _SMTP): attempt.key
        for attempt in records.attempts
        if attempt.provider == _MAIL
    }
    return [
        Taken(keys.get(str(mail.message["Message-ID"]), ""), address, _date(mail))
        for mail in mails
        for address in mail.envelope_to
    ]


def check_sandbox(records: Records, log: Sequence[LoggedRequest]) -> CheckResult:
    """The sandbox's own log must agree with our attempts, to the message and to the call.

    Not every call that was about to be made is made: the worker may die before it, and no
    server may answer. Not every call is a try: it may find the account out of service.
    """
    attempts = [attempt for attempt in records.attempts if attempt.provider == _SANDBOX]
    taken = taken_by_sandbox(log)
    asked = Counter(entry.idempotency_key for entry in log)
    ours = {a.key: a.provider_message_id for a in attempts if a.state in TAKEN}
    violations = _disagreements(attempts, taken)
    violations += [
        f"{attempt.key}: {attempt.tries} tries in {attempt.openings} calls by our count, "
        f"{asked[attempt.key]} calls by theirs"
        for attempt in attempts
        if not attempt.tries <= asked[attempt.key] <= attempt.openings
    ]
    violations += [
        f"{each.key}: known to the sandbox as {each.provider_message_id}, to us as {ours[each.key]}"
        for each in taken
        if each.key in ours and ours[each.key] != each.provider_message_id
    ]
    return CheckResult(
        f"the sandbox providers took {len(taken)} messages, each once, in {len(log)} calls, "
        "and their log agrees with our attempts",
        sorted(violations),
    )


def check_mails(records: Records, mails: Sequence[StoredMail]) -> CheckResult:
    """The mailboxes must agree with our attempts, to the mail."""
    attempts = [attempt for attempt in records.attempts if attempt.provider == _MAIL]
    taken = taken_by_mail_sink(mails, records)
    return CheckResult(
        f"the {len(taken)} mails in the mail sink are the ones we sent, each once",
        sorted(_disagreements(attempts, taken)),
    )


def check_bounces(records: Records, receipts: Iterable[Receipt]) -> CheckResult:
    """Attempts that the providers reported as undeliverable must be bounced, and no others."""
    theirs = {r.idempotency_key for r in receipts if r.kind is DeliveryEventKind.BOUNCED}
    ours = {a.key for a in records.attempts if a.state == AttemptState.BOUNCED}
    violations = [f"{key}: bounced, and we do not know" for key in theirs - ours]
    violations += [f"{key}: bounced by our count alone" for key in ours - theirs]
    return CheckResult(
        f"the {len(theirs)} messages reported as bounced are known as such", violations
    )


def _disagreements(attempts: Iterable[AttemptRow], taken: Sequence[Taken]) -> list[str]:
    """Messages taken and not sent, sent and not taken, taken twice, or by the wrong recipient."""
    by_key: dict[str, list[Taken]] = defaultdict(list)
    for each in taken:
        by_key[each.key].append(each)
    violations = [
        f"{each.address} got something that is none of ours" for each in by_key.pop("", [])
    ]
    for attempt in attempts:
        arrived = by_key.pop(attempt.key, [])
        fewest, most = _may_arrive(attempt)
        if not fewest <= len(arrived) <= most:
            violations.append(f"{attempt.key}: {attempt.state}, and taken {len(arrived)} times")
        violations += [
            f"{attempt.key}: went to {each.address} instead of {attempt.address}"
            for each in arrived
            if each.address != attempt.address
        ]
    violations += [f"{key}: taken, and we do not know" for key in by_key]
    return violations


def _may_arrive(attempt: AttemptRow) -> tuple[int, int]:
    """How often the other side may have an attempt's message, by its record."""
    if attempt.state in TAKEN:
        return 1, 1
    return 0, int(attempt.state == AttemptState.UNKNOWN)


def _date(mail: StoredMail) -> datetime:
    return parsedate_to_datetime(str(mail.message["Date"])).astimezone(UTC)
