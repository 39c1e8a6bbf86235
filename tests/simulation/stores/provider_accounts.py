"""The health of providers' accounts, as `persistence/provider_accounts.py` keeps it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from madan_sara.activities.provider_accounts import AccountHealth, Admission
from madan_sara.policy.attempts import SLOTS_APART
from tests.simulation.stores.statements import Statements

_FORGOTTEN_AFTER: Final = timedelta(minutes=10)
_SOON: Final = timedelta(seconds=2)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass
class Failing:
    """An account that does not work."""

    code: str
    refuses_settings: bool
    failures: int
    failing_since: datetime
    failed_at: datetime
    down_since: datetime | None
    probe_at: datetime
    probing_until: datetime
    next_slot_at: datetime


class MemoryProviderAccounts:
    """`ProviderAccounts` in memory.

    Args:
        network: the way to them.
    """

    def __init__(self, network: Statements) -> None:
        self._network = network
        self.failing: dict[str, Failing] = {}

    def health(self, account: str) -> AccountHealth | None:
        """An account that has failed since it last worked."""
        row = self.failing.get(account)
        if row is None:
            return None
        return AccountHealth(
            account=account,
            code=row.code,
            failing_since=row.failing_since,
            down_since=row.down_since,
            refuses_settings=row.refuses_settings,
        )

    async def admit(self, account: str, now: datetime, call_lasts: timedelta) -> Admission:
        return await self._network.call(
            "ask for admission", lambda: self._admit(account, now, call_lasts)
        )

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
        def commit() -> datetime:
            row = self.failing.get(account)
            if row is None:
                row = _first_failure(now, leave_alone)
                self.failing[account] = row
            else:
                _another_failure(row, now, leave_alone, is_probe=is_probe)
            row.code, row.refuses_settings, row.failed_at = code, refuses_settings, now
            if row.down_since is None and row.failures >= failures_until_down:
                row.down_since = row.failing_since
            return row.next_slot_at

        return await self._network.call("note a failure", commit)

    async def give_back(self, account: str, probing_until: datetime) -> None:
        def commit() -> None:
            row = self.failing.get(account)
            if row is not None and row.probing_until == probing_until:
                row.probing_until = _NEVER

        await self._network.call("give the look back", commit)

    async def works(self, account: str) -> None:
        await self._network.call("note that it works", lambda: self.failing.pop(account, None))

    def _admit(self, account: str, now: datetime, call_lasts: timedelta) -> Admission:
        row = self.failing.get(account)
        if row is None or row.down_since is None:
            return Admission(come_back_at=None)
        is_probed = row.probing_until > now
        if not is_probed and row.probe_at <= now:
            row.probing_until = now + call_lasts
            return Admission(come_back_at=None, probing_until=row.probing_until)
        earliest = now + _SOON if is_probed else row.probe_at
        row.next_slot_at = max(row.next_slot_at, earliest) + SLOTS_APART
        return Admission(come_back_at=row.next_slot_at)


def _first_failure(now: datetime, leave_alone: timedelta) -> Failing:
    return Failing(
        code="",
        refuses_settings=False,
        failures=1,
        failing_since=now,
        failed_at=now,
        down_since=None,
        probe_at=now + leave_alone,
        probing_until=_NEVER,
        next_slot_at=now + leave_alone,
    )


def _another_failure(
    row: Failing, now: datetime, leave_alone: timedelta, *, is_probe: bool
) -> None:
    is_forgotten = row.failed_at < now - _FORGOTTEN_AFTER and row.down_since is None
    row.failures = 1 if is_forgotten else row.failures + 1
    row.failing_since = now if is_forgotten else row.failing_since
    looks_anew = is_probe or row.down_since is None
    probe_at, turn = now + leave_alone, row.next_slot_at
    if looks_anew:
        brought_forward = max(row.probe_at - probe_at, timedelta(0))
        row.next_slot_at = max(turn - brought_forward, probe_at) + SLOTS_APART
        row.probe_at = probe_at
    else:
        row.next_slot_at = max(turn, row.probe_at) + SLOTS_APART
    if is_probe:
        row.probing_until = _NEVER
