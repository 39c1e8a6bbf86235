"""Rules on the accounts at providers."""

from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.twins import driver
from tests.twins.driver import Driver

_accounts = st.sampled_from(driver.ACCOUNTS)


class AccountRules(Driver):
    """Calls on `ProviderAccounts`."""

    #: As the last run was let in.
    _probing_until: datetime | None = None

    @rule(
        account=_accounts,
        seconds=st.sampled_from([5, 60, 3_600]),
        until_down=st.sampled_from([1, 3]),
        is_probe=st.booleans(),
        refuses_settings=st.booleans(),
        late=driver.late,
    )
    def fail(
        self,
        account: str,
        seconds: int,
        until_down: int,
        is_probe: bool,
        refuses_settings: bool,
        late: int,
    ) -> None:
        failed = self.world.accounts.failed(
            self.account(account),
            self.at(late),
            "misconfigured" if refuses_settings else "away",
            timedelta(seconds=seconds),
            failures_until_down=until_down,
            is_probe=is_probe,
            refuses_settings=refuses_settings,
        )
        self.do(failed)

    @rule(account=_accounts, late=driver.late)
    def admit(self, account: str, late: int) -> None:
        asked = self.world.accounts.admit(
            self.account(account), self.at(late), timedelta(seconds=30)
        )
        if (admission := self.do(asked)) is not None:
            self._probing_until = admission.probing_until or self._probing_until

    @rule(account=_accounts, is_late=st.booleans())
    def give_look_back(self, account: str, is_late: bool) -> None:
        """Have another call look; late, another one looks already."""
        until = self._probing_until or self.at()
        if is_late:
            until -= timedelta(seconds=1)
        self.do(self.world.accounts.give_back(self.account(account), until))

    @rule(account=_accounts)
    def works(self, account: str) -> None:
        self.do(self.world.accounts.works(self.account(account)))
