"""Limits set, removed or changed from one version of a campaign to the next."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from madan_sara.contracts.campaign import CampaignFields
from madan_sara.contracts.instants import in_utc

#: A number of messages, an amount of money or an end; None: no limit.
Limit = int | Decimal | datetime | None


class LimitChange(NamedTuple):
    """A limit that has changed."""

    before: Limit
    after: Limit

    def __str__(self) -> str:
        return f"{_render(self.before)} -> {_render(self.after)}"


def limit_changes(before: CampaignFields, after: CampaignFields) -> dict[str, LimitChange]:
    """The limits that differ between two versions of a campaign, by their field's name."""
    old, new = _limits(before), _limits(after)
    return {
        name: LimitChange(old.get(name), new.get(name))
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    }


def render_changes(changes: Mapping[str, LimitChange]) -> str:
    """The changes in one line, like `daily_limit 10 -> 500; budget_total 5 -> none`."""
    return "; ".join(f"{name} {change}" for name, change in changes.items())


def _limits(campaign: CampaignFields) -> dict[str, Limit]:
    return {
        "daily_limit": campaign.daily_limit,
        "budget_total": campaign.budget_total,
        "daily_spend_limit": campaign.daily_spend_limit,
        "end_date": campaign.end_date,
        **{
            f"budget_per_channel.{channel}": budget.total
            for channel, budget in (campaign.budget_per_channel or {}).items()
        },
    }


def _render(limit: Limit) -> str:
    if isinstance(limit, Decimal):
        return f"{limit.normalize():f}"
    if isinstance(limit, datetime):
        return in_utc(limit)
    return "none" if limit is None else str(limit)
