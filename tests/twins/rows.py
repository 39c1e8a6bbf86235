"""Every row there is, in memory and in PostgreSQL, in one plain form."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from uuid import UUID

from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.rows import campaign_from
from tests.simulation.stores.provider_accounts import MemoryProviderAccounts
from tests.simulation.tables import Tables
from tests.twins.plain import plain

#: Plain rows by their keys.
Rows = dict[str, Any]


class _Table(NamedTuple):
    """One table: its statement, whose columns after the first `keys` are compared by name."""

    keys: int
    sql: str


_TABLES: Final[Mapping[str, _Table]] = {
    "campaigns": _Table(
        1,
        """SELECT campaign_id, CAST(config AS text) AS config, status, daily_share, share_day,
                  is_started, waits_for, wakes_at
             FROM campaigns WHERE tenant_id = :tenant_id""",
    ),
    "events": _Table(
        1,
        """SELECT campaign_id, array_agg(kind ORDER BY event_no) AS kinds
             FROM campaign_events WHERE tenant_id = :tenant_id GROUP BY campaign_id""",
    ),
    "messages": _Table(
        1,
        """SELECT message_id, state, reason, details, warnings, routing, plan, channel,
                  scheduled_at, finished_at
             FROM messages WHERE tenant_id = :tenant_id""",
    ),
    "queue": _Table(
        2, "SELECT campaign_id, message_id FROM campaign_queue WHERE tenant_id = :tenant_id"
    ),
    "claims": _Table(
        1,
        """SELECT message_id, claimed_at, lower(covers) AS covers_from,
                  upper(covers) AS covers_until, sent_at, released_at IS NOT NULL AS is_released,
                  forced, channel, texts,
                  array_append(addresses, 'id:' || recipient_id) AS identifiers
             FROM recipient_claims WHERE tenant_id = :tenant_id""",
    ),
    "claimed": _Table(
        2, "SELECT message_id, identifier FROM claimed_identifiers WHERE tenant_id = :tenant_id"
    ),
    "versions": _Table(
        1, "SELECT identifier, version FROM recipient_versions WHERE tenant_id = :tenant_id"
    ),
    "accounts": _Table(
        3,
        """SELECT campaign_id, scope, key, limit_micros, held_micros, spent_micros, message_limit,
                  message_count, last_due_at
             FROM budget_accounts WHERE tenant_id = :tenant_id""",
    ),
    "entries": _Table(
        3,
        """SELECT message_id, attempt_no, kind, campaign_id, channel, CAST(day AS text) AS day,
                  amount_micros
             FROM budget_entries WHERE tenant_id = :tenant_id""",
    ),
    "attempts": _Table(
        2,
        """SELECT message_id, attempt_no, channel, state, openings, tries, was_lost, bounced, code,
                  called_at, given_up_at, concluded_at, waiting_since, put_off_at, retry_at, waited,
                  account, awaits_turn
             FROM attempts WHERE tenant_id = :tenant_id""",
    ),
    "suppressions": _Table(
        4,
        """SELECT subject_kind, subject, channel,
                  CASE WHEN request_id IN (SELECT message_id FROM messages
                                            WHERE tenant_id = :tenant_id)
                       THEN CAST(request_id AS text) ELSE 'by hand' END AS request,
                  reason, created_at
             FROM suppressions WHERE tenant_id = :tenant_id""",
    ),
    "receipts": _Table(
        2, "SELECT provider, provider_event_id FROM delivery_events WHERE tenant_id = :tenant_id"
    ),
    "engagement": _Table(
        2,
        """SELECT recipient_id, channel, messages, opens, clicks, replies
             FROM engagement_stats WHERE tenant_id = :tenant_id""",
    ),
    "provider accounts": _Table(
        1,
        """SELECT account, code, refuses_settings, failures, failing_since, failed_at, down_since,
                  probe_at, greatest(probing_until, '0001-01-01T00:00Z') AS probing_until,
                  next_turn_at
             FROM provider_accounts
            WHERE account LIKE CAST(CAST(:tenant_id AS uuid) AS text) || '%'""",
    ),
}
_QUERIES: Final = {name: Query(table.sql) for name, table in _TABLES.items()}


async def rows_in_postgres(database: Database, tenant_id: UUID) -> dict[str, Rows]:
    """A tenant's rows by table."""
    found = {}
    for name, query in _QUERIES.items():
        rows = await database.fetch(query, {"tenant_id": tenant_id})
        found[name] = dict(_row(name, dict(row)) for row in rows)
    return found


def _row(name: str, row: dict[str, Any]) -> tuple[str, Any]:
    if name == "campaigns":
        row["config"] = campaign_from(row["config"], row["status"])
    if name == "claims":
        row["identifiers"] = sorted(row["identifiers"])
    columns = list(row.items())
    keys = _TABLES[name].keys
    return " ".join(str(value) for _, value in columns[:keys]), plain(dict(columns[keys:]))


def rows_in_memory(tables: Tables, accounts: MemoryProviderAccounts) -> dict[str, Rows]:
    """The same of the rows in memory."""
    return {name: plain(read(tables)) for name, read in _IN_MEMORY.items()} | {
        "provider accounts": {
            name: {
                "code": row.code,
                "refuses_settings": row.refuses_settings,
                "failures": row.failures,
                "failing_since": row.failing_since,
                "failed_at": row.failed_at,
                "down_since": row.down_since,
                "probe_at": row.probe_at,
                "probing_until": row.probing_until,
                "next_turn_at": row.next_slot_at,
            }
            for name, row in accounts.failing.items()
        }
    }


def _campaigns(tables: Tables) -> Rows:
    return {
        str(campaign_id): {
            "config": row.campaign,
            "status": row.campaign.status,
            "daily_share": row.daily_share,
            "share_day": row.share_day,
            "is_started": row.is_started,
            "waits_for": row.wait and row.wait.reason,
            "wakes_at": row.wait and row.wait.until,
        }
        for campaign_id, row in tables.campaigns.items()
    }


def _events(tables: Tables) -> Rows:
    return {
        str(campaign_id): {"kinds": [event.kind for _, event in row.events]}
        for campaign_id, row in tables.campaigns.items()
        if row.events
    }


def _messages(tables: Tables) -> Rows:
    return {
        str(message_id): {
            "state": row.state,
            "reason": row.reason,
            "details": row.details,
            "warnings": row.warnings,
            "routing": row.routing and row.routing.model_dump(mode="json"),
            "plan": row.plan and row.plan.model_dump(mode="json"),
            "channel": row.channel,
            "scheduled_at": row.scheduled_at,
            "finished_at": row.finished_at,
        }
        for message_id, row in tables.messages.items()
    }


def _queue(tables: Tables) -> Rows:
    return {
        f"{campaign_id} {message_id}": {}
        for campaign_id, row in tables.campaigns.items()
        for message_id in row.queue
    }


def _claims(tables: Tables) -> Rows:
    return {
        str(message_id): {
            "claimed_at": row.claimed_at,
            "covers_from": row.claimed_at,
            "covers_until": row.covers_until,
            "sent_at": row.sent_at,
            "is_released": row.is_released,
            "forced": row.forced,
            "channel": row.channel,
            "texts": row.texts,
            "identifiers": row.identifiers,
        }
        for message_id, row in tables.claims.items()
    }


def _claimed(tables: Tables) -> Rows:
    return {
        f"{message_id} {identifier}": {}
        for message_id, row in tables.claims.items()
        if not row.is_released
        for identifier in row.identifiers
    }


def _versions(tables: Tables) -> Rows:
    return {known: {"version": version} for known, version in tables.versions.items()}


def _accounts(tables: Tables) -> Rows:
    return {
        f"{key.campaign_id} {key.scope} {key.key}": {
            name: each for name, each in plain(account).items() if name not in ("scope", "key")
        }
        for key, account in tables.accounts.items()
    }


def _entries(tables: Tables) -> Rows:
    return {
        f"{entry.message_id} {entry.attempt_no} {entry.kind}": {
            "campaign_id": entry.campaign_id,
            "channel": entry.channel,
            "day": entry.day,
            "amount_micros": entry.amount_micros,
        }
        for entry in tables.entries
    }


def _attempts(tables: Tables) -> Rows:
    return {
        f"{message_id} {attempt_no}": {
            "channel": row.channel,
            "bounced": row.bounced,
            "waiting_since": row.waiting_since,
            "waited": row.waited,
            "account": row.account,
            **{
                name: each
                for name, each in plain(row.attempt).items()
                if name != "account_has_failed"
            },
        }
        for (message_id, attempt_no), row in tables.attempts.items()
    }


def _suppressions(tables: Tables) -> Rows:
    return {
        " ".join(
            [
                row.kind,
                row.subject,
                str(row.channel),
                str(row.request) if isinstance(row.request, UUID) else "by hand",
            ]
        ): {"reason": row.reason, "created_at": row.created_at}
        for row in tables.suppressions
    }


def _receipts(tables: Tables) -> Rows:
    return {f"{provider} {event_id}": {} for provider, event_id in tables.receipts}


def _engagement(tables: Tables) -> Rows:
    return {
        f"{recipient_id} {channel}": engagement
        for (recipient_id, channel), engagement in tables.engagement.items()
    }


_IN_MEMORY: Final[Mapping[str, Callable[[Tables], Rows]]] = {
    "campaigns": _campaigns,
    "events": _events,
    "messages": _messages,
    "queue": _queue,
    "claims": _claims,
    "claimed": _claimed,
    "versions": _versions,
    "accounts": _accounts,
    "entries": _entries,
    "attempts": _attempts,
    "suppressions": _suppressions,
    "receipts": _receipts,
    "engagement": _engagement,
}
