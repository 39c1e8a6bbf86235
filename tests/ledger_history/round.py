"""A round of calls: a tenant of its own with a few campaigns and people, and tight limits."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from madan_sara.contracts.channels import Channel
from madan_sara.persistence.database import Database
from tests.ledger_history.claims import Rules
from tests.makers import make_campaign, phone_of
from tests.stored import store_campaign

#: The instant of the number 0.
BASE: Final = datetime(2020, 1, 1, tzinfo=UTC)
#: No campaign's clock reaches it: a changed limit counts for each day from it on.
FIRST_DAY: Final = date(2099, 1, 1)
CHANNELS: Final = (Channel.CHAT, Channel.SMS)
#: Money is counted in whole units.
UNIT: Final = 1_000_000
#: By the names of `State`. SMS has no limit of its own.
LIMITS: Final = {"campaign": 14, "channel:chat": 6, "day": 4, "messages": 4}

_RULES: Final = (
    Rules(lookback_hours=24, messages_per_day=2, messages_per_week=5),
    Rules(lookback_hours=60, messages_per_day=3, messages_per_week=6),
    Rules(lookback_hours=1, messages_per_day=9, messages_per_week=4),
)
#: The last two people have one number.
_PEOPLE: Final = ("marie", "marie-ann", "marie-lou", "marie-jo", "marie-eve")
_NUMBERS: Final = (*_PEOPLE[:4], _PEOPLE[3])


@dataclass(frozen=True)
class Round:
    """One process's share of a round."""

    dsn: str
    tenant: str
    campaigns: tuple[str, ...]
    #: The id and number of each person.
    people: tuple[tuple[str, str], ...]
    seed: int
    calls_per_client: int
    #: The number of the process's first client.
    first_client: int
    #: The reading of the machine's monotonic clock that stands for `BASE`.
    clock_base: int

    def to_json(self) -> str:
        """As `from_json` reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Round":
        """A round from a line of its process's input."""
        found = json.loads(text)
        found["campaigns"] = tuple(found["campaigns"])
        found["people"] = tuple((person, number) for person, number in found["people"])
        return cls(**found)


def moment(number: int) -> datetime:
    """The instant a call's number stands for."""
    return BASE + timedelta(microseconds=number)


def people() -> tuple[tuple[str, str], ...]:
    """Ids and numbers of the people."""
    return tuple((person, phone_of(owner)) for person, owner in zip(_PEOPLE, _NUMBERS, strict=True))


async def open_campaigns(
    database: Database, tenant_id: UUID, *, times: int = 1
) -> dict[str, Rules]:
    """Store the campaigns of a round; their rules by their ids.

    Args:
        database: where to.
        tenant_id: their owner.
        times: campaigns of each rule. With few, calls wait for each other for long; with more,
            they are short, and leave less doubt about what they met.
    """
    opened = {}
    for rules in _RULES * times:
        campaign = make_campaign(
            tenant_id,
            channels=list(CHANNELS),
            start_date=BASE,
            timezone="UTC",
            budget_total=LIMITS["campaign"],
            budget_per_channel={Channel.CHAT: {"total": LIMITS["channel:chat"]}},
            daily_spend_limit=LIMITS["day"],
            daily_limit=LIMITS["messages"],
            settings={
                "dedup_lookback_hours": rules.lookback_hours,
                "max_messages_per_day": rules.messages_per_day,
                "max_messages_per_week": rules.messages_per_week,
                "near_duplicate_days": 0,
            },
        )
        stored = await store_campaign(database, campaign, BASE)
        opened[str(stored.id)] = rules
    return opened
