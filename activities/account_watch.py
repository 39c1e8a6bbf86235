"""The account at a provider, as one run of a delivery reads and writes it."""

from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import activity

from madan_sara.activities.persistently import persistently
from madan_sara.activities.provider_accounts import AccountHealth, ProviderAccounts
from madan_sara.activities.run_clock import RunClock
from madan_sara.contracts.errors import MisconfiguredProviderError, NotTakenError
from madan_sara.policy.attempts import FAILURES_UNTIL_DOWN, wait_between_probes


class AccountWatch:
    """One account at a provider, as one run meets it.

    Args:
        accounts: the accounts that do not work.
        account: as its sender names it.
        clock: the run's time.
    """

    def __init__(self, accounts: ProviderAccounts, account: str, clock: RunClock) -> None:
        self._accounts = accounts
        self._account = account
        self._clock = clock
        self._probing_until: datetime | None = None
        self._last_failure: NotTakenError | None = None
        #: As it was read; None: it works.
        self.health: AccountHealth | None = None

    @property
    def is_down(self) -> bool:
        """Whether it is out of service."""
        return self.health is not None and self.health.down_since is not None

    @property
    def failing_since(self) -> datetime:
        """When its first failure in a row was."""
        return self.health.failing_since if self.health else self._clock.now()

    @property
    def refuses_settings(self) -> bool:
        """Whether its last failure was that our settings are refused."""
        if self._last_failure is not None:
            return isinstance(self._last_failure, MisconfiguredProviderError)
        return self.health is not None and self.health.refuses_settings

    async def ask_for_admission(self, call_lasts: timedelta) -> datetime | None:
        """Ask to call an account that is out of service.

        Args:
            call_lasts: how long the call may take.

        Returns:
            When to come back; None: call, to see whether the account is back.
        """
        admission = await self._accounts.admit(self._account, self._clock.now(), call_lasts)
        self._probing_until = admission.probing_until
        return admission.come_back_at

    async def failed(self, error: NotTakenError) -> datetime:
        """Note a failure; when this message is to come back."""
        self._last_failure = error
        misconfigured = self.refuses_settings
        if misconfigured:
            activity.logger.error("%s is misconfigured: %s", self._account, error)
        now = self._clock.now()
        alone = wait_between_probes(
            now - self.failing_since, error.retry_after, misconfigured=misconfigured
        )
        come_back_at = await persistently(
            lambda: self._accounts.failed(
                self._account,
                now,
                error.code,
                alone,
                failures_until_down=1 if misconfigured else FAILURES_UNTIL_DOWN,
                is_probe=self._probing_until is not None,
                refuses_settings=misconfigured,
            )
        )
        self._probing_until = None
        return come_back_at

    async def works(self) -> None:
        """Note an answer of any content."""
        await persistently(lambda: self._accounts.works(self._account))
        self._probing_until = None

    async def give_back(self) -> None:
        """Have another run probe the account, if this one was to and did not."""
        if self._probing_until is None:
            return
        with suppress(Exception):  # While the database is away: it ends by itself, only later.
            await self._accounts.give_back(self._account, self._probing_until)
