"""The health of accounts at providers, in PostgreSQL."""

from datetime import datetime, timedelta
from typing import Final

from madan_sara.activities.provider_accounts import Admission
from madan_sara.persistence.database import Database, Query
from madan_sara.policy.attempts import SLOTS_APART

#: Failures further apart do not make an outage together.
_FORGOTTEN_AFTER: Final = timedelta(minutes=10)
#: While one call looks whether an account is back, the others come again this soon.
_SOON: Final = timedelta(seconds=2)

# Each message that waits takes a slot of its own: however many wait, they come back one by one.
_ADMIT = Query("""
UPDATE provider_accounts p
   SET probing_until = CASE WHEN probes THEN CAST(:now AS timestamptz) + CAST(:lasts AS interval)
                            ELSE p.probing_until END,
       next_turn_at = CASE WHEN probes THEN p.next_turn_at
                           ELSE greatest(p.next_turn_at,
                                         CASE WHEN is_probed
                                              THEN CAST(:now AS timestamptz)
                                                   + CAST(:soon AS interval)
                                              ELSE p.probe_at END) + CAST(:apart AS interval) END
  FROM (SELECT account,
               probing_until > CAST(:now AS timestamptz) AS is_probed,
               probing_until <= CAST(:now AS timestamptz)
                   AND probe_at <= CAST(:now AS timestamptz) AS probes
          FROM provider_accounts
         WHERE account = :account AND down_since IS NOT NULL
           FOR UPDATE) found
 WHERE p.account = found.account
RETURNING found.probes, p.probing_until, p.next_turn_at
""")

# Before an account is out of service, and of a look whether it is back, the newest figure counts.
# Slots come after it: a figure that brings the look forward brings the last slot forward as far,
# and however many have one, none shares it.
_FAILED = Query("""
INSERT INTO provider_accounts AS p (account, code, refuses_settings, failures, failing_since,
                                    failed_at, down_since, probe_at, probing_until, next_turn_at)
VALUES (:account, :code, :refuses_settings, 1, :now, :now,
        CASE WHEN CAST(:until_down AS integer) <= 1 THEN CAST(:now AS timestamptz) END,
        CAST(:now AS timestamptz) + CAST(:alone AS interval), '-infinity',
        CAST(:now AS timestamptz) + CAST(:alone AS interval))
    ON CONFLICT (account) DO UPDATE
   SET code = excluded.code,
       refuses_settings = excluded.refuses_settings,
       failed_at = excluded.failed_at,
       failures = CASE WHEN p.failed_at < excluded.failed_at - CAST(:forgotten AS interval)
                            AND p.down_since IS NULL
                       THEN 1 ELSE p.failures + 1 END,
       failing_since = CASE WHEN p.failed_at < excluded.failed_at - CAST(:forgotten AS interval)
                                 AND p.down_since IS NULL
                            THEN excluded.failing_since ELSE p.failing_since END,
       probe_at = CASE WHEN CAST(:is_probe AS boolean) OR p.down_since IS NULL
                       THEN excluded.probe_at ELSE p.probe_at END,
       probing_until = CASE WHEN CAST(:is_probe AS boolean) THEN '-infinity'
                            ELSE p.probing_until END,
       next_turn_at =
           CASE WHEN CAST(:is_probe AS boolean) OR p.down_since IS NULL
                THEN greatest(p.next_turn_at - greatest(p.probe_at - excluded.probe_at,
                                                        interval '0'),
                              excluded.probe_at)
                ELSE greatest(p.next_turn_at, p.probe_at) END + CAST(:apart AS interval)
RETURNING next_turn_at
""")

# A statement of its own: whether the account is down follows from the counted failures.
_MARK_DOWN = Query("""
UPDATE provider_accounts SET down_since = failing_since
 WHERE account = :account AND down_since IS NULL AND failures >= CAST(:until_down AS integer)
""")

_GIVE_BACK = Query("""
UPDATE provider_accounts SET probing_until = '-infinity'
 WHERE account = :account AND probing_until = CAST(:probing_until AS timestamptz)
""")

_WORKS = Query("""
DELETE FROM provider_accounts WHERE account = :account
""")


class PostgresProviderAccounts:
    """`ProviderAccounts` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def admit(self, account: str, now: datetime, call_lasts: timedelta) -> Admission:
        """Ask to call an account that is out of service; see `ProviderAccounts`."""
        parameters = {
            "account": account,
            "now": now,
            "lasts": call_lasts,
            "soon": _SOON,
            "apart": SLOTS_APART,
        }
        row = await self._database.fetch_one(_ADMIT, parameters)
        if row is None:
            return Admission(come_back_at=None)
        if row["probes"]:
            return Admission(come_back_at=None, probing_until=row["probing_until"])
        return Admission(come_back_at=row["next_turn_at"])

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
        """Note that an account did not work; see `ProviderAccounts`."""
        parameters = {
            "account": account,
            "now": now,
            "code": code,
            "alone": leave_alone,
            "until_down": failures_until_down,
            "is_probe": is_probe,
            "refuses_settings": refuses_settings,
            "forgotten": _FORGOTTEN_AFTER,
            "apart": SLOTS_APART,
        }
        (row,) = await self._database.fetch(_FAILED, parameters)
        await self._database.fetch(_MARK_DOWN, parameters)
        come_back_at: datetime = row["next_turn_at"]
        return come_back_at

    async def give_back(self, account: str, probing_until: datetime) -> None:
        """Have another call look whether an account is back; see `ProviderAccounts`."""
        parameters = {"account": account, "probing_until": probing_until}
        await self._database.fetch(_GIVE_BACK, parameters)

    async def works(self, account: str) -> None:
        """Note that an account works (again); see `ProviderAccounts`."""
        await self._database.fetch(_WORKS, {"account": account})
