"""Every check that holds for any run, one after the other."""

from collections.abc import Iterable, Sequence

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.devstack.checks.books import Books
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
from madan_sara.devstack.checks.verdict import Verdict
from madan_sara.devstack.mail_sink import StoredMail
from madan_sara.devstack.sandbox.journal import LoggedRequest, Receipt


def check_everything(
    books: Books,
    campaigns: Iterable[OutreachCampaign],
    log: Sequence[LoggedRequest],
    receipts: Sequence[Receipt],
    mails: Sequence[StoredMail],
) -> list[Verdict]:
    """Compare what is stored with itself and with what the other sides have.

    Args:
        books: What is stored, nothing being under way any more.
        campaigns: Every campaign there is, with its limits and prices.
        log: What the sandbox providers were asked.
        receipts: What they reported afterwards.
        mails: What is in the mailboxes.
    """
    known = list(campaigns)
    most_a_day = {c.id: c.resolved().settings.max_messages_per_day for c in known}
    taken = [*taken_by_sandbox(log), *taken_by_mail_sink(mails, books)]
    return [
        check_sandbox(books, log),
        check_mails(books, mails),
        check_bounces(books, receipts),
        check_people(books, taken, most_a_day),
        check_tallies(books),
        check_accounts(books),
        check_limits(books),
        check_prices(books, known),
        check_nothing_left(books),
    ]
