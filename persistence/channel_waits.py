"""Messages that are due and wait for their channel, in PostgreSQL."""

from collections.abc import Sequence
from typing import Any, Final

from madan_sara.contracts.delivery import ChannelWait

#: The waits of the campaign c, as JSON. Waiting messages are found by an index of their own, so
#: that a campaign without any costs nothing, whatever its size. `OFFSET 0` has them read first:
#: else every message of the campaign might be looked through.
CHANNEL_WAITS: Final = """
    (SELECT coalesce(json_agg(row_to_json(w)), '[]') FROM (
        SELECT a.channel, a.account, a.awaits_turn, min(a.code) AS code,
               min(coalesce(p.failing_since, a.waiting_since, a.put_off_at)) AS since,
               coalesce(bool_or(p.refuses_settings), false) AS refuses_settings,
               count(*) AS messages
          FROM (SELECT * FROM attempts
                 WHERE (attempts.tenant_id, attempts.campaign_id) = (c.tenant_id, c.campaign_id)
                   AND retry_at IS NOT NULL
                OFFSET 0) a
          JOIN messages m USING (tenant_id, message_id)
          LEFT JOIN provider_accounts p ON p.account = a.account
         WHERE m.state IN ('scheduled', 'sending')
         GROUP BY a.channel, a.account, a.awaits_turn
         ORDER BY a.channel, a.account, a.awaits_turn) w)
"""


def channel_waits_from(documents: Sequence[dict[str, Any]]) -> list[ChannelWait]:
    """Waits from `CHANNEL_WAITS`."""
    return [ChannelWait.model_validate(document) for document in documents]
