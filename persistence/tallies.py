"""The counts of a campaign: kept as things happen, read at the same cost for any audience.

A transaction that changes a count appends the change; the triggers on `messages` do it for
states. Now and then a change folds the appended ones into `campaign_tallies`. Both tables
together, read in one statement, are exact at that statement's instant.
"""

from collections.abc import Sequence
from typing import Any, Final

from madan_sara.policy.tallies import Tallies, Tally, TallyKind

#: Every change and every sum of a campaign; parameters `tenant_id`, `campaign_id`.
TALLIES: Final = """
    SELECT kind, name, reason, channel, messages, amount_micros FROM campaign_tallies
     WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
    UNION ALL
    SELECT kind, name, reason, channel, messages, amount_micros FROM campaign_tally_changes
     WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
"""

#: The counts of a campaign as one JSON list; the same parameters.
TALLIES_AS_JSON: Final = f"""
    (SELECT coalesce(json_agg(row_to_json(t)), '[]') FROM (
        SELECT kind, name, reason, channel, CAST(sum(messages) AS bigint) AS messages,
               CAST(sum(amount_micros) AS bigint) AS amount_micros
          FROM ({TALLIES}) changes
         GROUP BY kind, name, reason, channel
        HAVING sum(messages) <> 0 OR sum(amount_micros) <> 0) t)
"""  # noqa: S608 - built from constants of ours


def tallies_from(documents: Sequence[dict[str, Any]]) -> Tallies:
    """Counts from `TALLIES_AS_JSON`."""
    return Tallies(
        [Tally(**{**document, "kind": TallyKind(document["kind"])}) for document in documents]
    )
