"""Every check that holds for any run, one after the other."""

from collections.abc import Iterable, Sequence

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.devstack.checks.counts import check_nothing_left, check_tallies
from madan_sara.devstack.checks.money import check_accounts, check_limits, check_prices
from madan_sara.devstack.checks.people import check_people
from madan_sara.devstack.checks.providers import (
    check_bounces,
    check_mails,
    check_sandbox,
    taken_by_mail_sink,
    taken_by_sandbox,
)
from madan_sara.devstack.checks.records import Records
from madan_sara.devstack.checks.results import CheckResult
from madan_sara.emulators.mail_sink import StoredMail
from madan_sara.emulators.sandbox.journal import LoggedRequest, Receipt


def check_everything(
    records: Records,
    campaigns: Iterable[OutreachCampaign],
    log: Sequence[LoggedRequest],
    receipts: Sequence[Receipt],
    mails: Sequence[StoredMail],
) -> list[CheckResult]:
    """Compare the stored facts with each other and with those of the other sides.

    Args:
        records: The stored facts, with nothing under way any more.
        campaigns: Every campaign there is, with its limits and prices.
        log: The requests to the sandbox providers.
        receipts: The receipts they sent.
        mails: The contents of the mailboxes.
    """
    known = list(campaigns)
    most_a_day = {c.id: c.resolved().settings.max_messages_per_day for c in known}
    taken = [*taken_by_sandbox(log), *taken_by_mail_sink(mails, records)]
    return [
        check_sandbox(records, log),
        check_mails(records, mails),
        check_bounces(records, receipts),
        check_people(records, taken, most_a_day),
        check_tallies(records),
        check_accounts(records),
        check_limits(records),
        check_prices(records, known),
        check_nothing_left(records),
    ]
