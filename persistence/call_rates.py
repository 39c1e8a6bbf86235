"""The rates at which accounts at providers may be called, in PostgreSQL."""

from datetime import timedelta
from typing import Final

from madan_sara.activities.call_rates import Turn
from madan_sara.persistence.database import Database, Query
from madan_sara.policy.attempts import EMPTY_LINE, SHORT_WAIT

# Turns by the clock of the database, which all workers share. It is read once the row is locked,
# and if it was set back, the row goes back with it. A server that crashes may forget the turns of
# its last moment: to wait for its disk would hold up every call. The line is over where nothing
# comes from it, and where calls may be closer than its places. Of slow calls, a message that finds
# its place taken gets one of two at the line's front: its end may be hours away.
_ASK: Final = Query("""
WITH forgettable AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
), locked AS MATERIALIZED (
    SELECT c.* FROM call_rates c, forgettable WHERE c.account = :account FOR UPDATE OF c
), looked AS MATERIALIZED (
    SELECT *, clock_timestamp() AS now FROM locked
), present AS (
    SELECT account, now, apart,
           free_at - greatest(asked_at - now, interval '0') AS free_at,
           line_ends_at - greatest(asked_at - now, interval '0') AS line_ends_at,
           front_ends_at - greatest(asked_at - now, interval '0') AS front_ends_at
      FROM looked
), line AS (
    SELECT account, now, apart, free_at, front_ends_at,
           greatest(front_ends_at + CAST(:apart AS interval), free_at) AS front_at,
           CASE WHEN CAST(:apart AS interval) < apart
                  OR NOT CAST(:in_line AS boolean)
                     AND free_at + greatest(CAST(:apart AS interval), :empty) < now
                THEN least(line_ends_at, now)
                ELSE line_ends_at END AS line_ends_at
      FROM present
), answer AS (
    SELECT account, now, free_at, line_ends_at, front_ends_at, front_at,
           CASE WHEN line_ends_at > now THEN least(apart, CAST(:apart AS interval))
                ELSE CAST(:apart AS interval) END AS apart,
           free_at <= now + CASE WHEN CAST(:in_line AS boolean) OR line_ends_at <= now
                                 THEN CAST(:short AS interval) ELSE '0' END AS may_call,
           CAST(:in_line AS boolean) AND front_at <= now + 2 * CAST(:apart AS interval) AS in_front,
           greatest(free_at, now) AS turn_at,
           greatest(line_ends_at + CAST(:apart AS interval), free_at) AS place_at
      FROM line
)
UPDATE call_rates c
   SET asked_at = a.now, apart = a.apart,
       free_at = CASE WHEN a.may_call THEN a.turn_at + CAST(:apart AS interval)
                      ELSE a.free_at END,
       line_ends_at = CASE WHEN a.may_call OR a.in_front THEN a.line_ends_at
                           ELSE a.place_at END,
       front_ends_at = CASE WHEN a.in_front AND NOT a.may_call THEN a.front_at
                            ELSE a.front_ends_at END
  FROM answer a
 WHERE c.account = a.account
RETURNING a.may_call, a.now AS asked_at,
          CASE WHEN a.may_call THEN a.turn_at
               WHEN a.in_front THEN a.front_at
               ELSE a.place_at END AS comes_at
""")

_BEGIN: Final = Query("""
INSERT INTO call_rates (account, free_at, line_ends_at, front_ends_at, asked_at, apart)
SELECT :account, now, now, now, now, :apart FROM (SELECT clock_timestamp() AS now) clock
    ON CONFLICT DO NOTHING
""")


class PostgresCallRates:
    """`CallRates` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, account: str, apart: timedelta, *, in_line: bool) -> Turn:
        """Ask to call an account once; see `CallRates`."""
        parameters = {
            "account": account,
            "apart": apart,
            "in_line": in_line,
            "short": SHORT_WAIT,
            "empty": EMPTY_LINE,
        }
        # An account has a row from its first call on; a row may be deleted at any time.
        while (row := await self._database.fetch_one(_ASK, parameters)) is None:
            await self._database.fetch(_BEGIN, parameters)
        return Turn(**row)
