"""Whether one more message is affordable."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from madan_sara.contracts.money import from_micros
from madan_sara.contracts.outreach import Block, ExitReason


class AccountScope(StrEnum):
    """The scope of a budget account. Accounts are checked in this order."""

    CAMPAIGN = "campaign"  #: The campaign as a whole.
    CHANNEL = "channel"  #: The campaign's messages on one channel.
    DAY = "day"  #: The campaign's messages of one day.


@dataclass(frozen=True)
class Account:
    """One budget account: limits, and what is held and spent."""

    scope: AccountScope
    #: The campaign, channel or day.
    key: str
    #: None: no limit on money.
    limit_micros: int | None
    #: Promised to messages not yet sent.
    held_micros: int
    spent_micros: int
    #: None: no limit on messages.
    message_limit: int | None
    #: Messages held or sent.
    message_count: int
    #: The latest moment a send was ever planned for; None: none was.
    last_due_at: datetime | None = None

    @property
    def remaining_micros(self) -> int | None:
        """The money that can still be held; None: unlimited, negative: the limit was lowered."""
        if self.limit_micros is None:
            return None
        return self.limit_micros - self.held_micros - self.spent_micros


def decide_reservation(accounts: Sequence[Account], price_micros: int) -> Block | None:
    """The limit that forbids to hold the price of one more message, if any.

    Money first (see `decide_spend`), then the day's number of messages.

    Args:
        accounts: every account the message would be booked on, in any order.
        price_micros: price of the message in micro-units, not negative.

    Raises:
        ValueError: the price is negative.
    """
    if (block := decide_spend(accounts, price_micros)) is not None:
        return block
    for account in accounts:
        if account.message_limit is not None and account.message_count >= account.message_limit:
            return _daily_limit_reached(account, account.message_limit)
    return None


def decide_spend(accounts: Sequence[Account], amount_micros: int) -> Block | None:
    """The limit on money that forbids to spend an amount, if any: campaign's, channel's or day's.

    An amount of zero exceeds no budget, even a used-up one.

    Args:
        accounts: every account the amount would be booked on, in any order.
        amount_micros: in micro-units, not negative.

    Raises:
        ValueError: the amount is negative.
    """
    if amount_micros < 0:
        raise ValueError(f"the price is {amount_micros} micro-units; a price is not negative")
    for account in sorted(accounts, key=lambda a: list(AccountScope).index(a.scope)):
        remaining = account.remaining_micros
        if remaining is not None and amount_micros > max(remaining, 0):
            return _budget_exceeded(account, amount_micros)
    return None


def fits_another_day(block: Block) -> bool:
    """Whether another day would have the room that this one lacks.

    Workflows ask this themselves: sleeping ones replay it, so that another answer to the same
    block needs a patch there.
    """
    details = block.details
    if block.reason is ExitReason.DAILY_LIMIT:
        return details.get("daily_limit") != 0
    price, limit = details.get("price"), details.get("limit")
    if details.get("scope") != AccountScope.DAY or price is None or limit is None:
        return False
    return Decimal(str(price)) <= Decimal(str(limit))


def _budget_exceeded(account: Account, price_micros: int) -> Block:
    return Block(
        reason=ExitReason.BUDGET_EXCEEDED,
        details={
            "remaining_budget": _amount(max(account.remaining_micros or 0, 0)),
            "price": _amount(price_micros),
            "limit": _amount(account.limit_micros or 0),
            "scope": account.scope.value,
            "key": account.key,
        },
    )


def _daily_limit_reached(account: Account, limit: int) -> Block:
    return Block(
        reason=ExitReason.DAILY_LIMIT,
        details={
            "daily_limit": limit,
            "messages_sent_today": account.message_count,
            "remaining_today": 0,
            "day": account.key,
        },
    )


def _amount(micros: int) -> str:
    """An amount in currency units, in plain notation."""
    return format(from_micros(micros), "f")
