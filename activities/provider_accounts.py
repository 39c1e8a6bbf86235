"""Port to the health of the accounts at providers, which all workers share."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True)
class AccountHealth:
    """An account that has failed since it last worked."""

    account: str
    #: The code of its last failure.
    code: str
    failing_since: datetime
    #: Since when it is out of service; None: it has failed, but not often enough.
    down_since: datetime | None
    #: Its last failure was that our settings are refused: an operator must correct them.
    refuses_settings: bool


@dataclass(frozen=True)
class Admission:
    """Whether a message may be handed to an account that was out of service."""

    #: When to come back; None: it may, as the account is back, or to see whether it is.
    come_back_at: datetime | None
    #: Until when this run alone looks whether the account is back; None: it does not.
    probing_until: datetime | None = None


class ProviderAccounts(Protocol):
    """The accounts that do not work; one that works has no record."""

    async def admit(self, account: str, now: datetime, call_lasts: timedelta) -> Admission:
        """Ask to call an account that is out of service: one at a time looks whether it is back.

        Args:
            account: as its sender names it.
            now: the present.
            call_lasts: how long the call may take; the next one may look after that.

        Returns:
            Whether to call, or when to come back: each message at a time of its own.
        """
        ...

    async def failed(
        self,
        account: str,
        now: datetime,
        code: str,
        leave_alone: timedelta,
        *,
        failures_until_down: int,
        is_probe: bool,
        refuses_settings: bool,
    ) -> datetime:
        """Note that an account did not work.

        Args:
            account: as its sender names it.
            now: the present.
            code: what kind of failure it was.
            leave_alone: how long nothing is to be asked of it.
            failures_until_down: the failure in a row with which it is out of service.
            is_probe: whether the call was to look whether it is back.
            refuses_settings: whether an operator must correct our settings.

        Returns:
            When the message is to come back: each at a time of its own.
        """
        ...

    async def give_back(self, account: str, probing_until: datetime) -> None:
        """Have another call look whether an account is back: this one is not made.

        Args:
            account: as its sender names it.
            probing_until: as the account let it in; nothing changes where another came since.
        """
        ...

    async def works(self, account: str) -> None:
        """Note that an account works (again)."""
        ...
