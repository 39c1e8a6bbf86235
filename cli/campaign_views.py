"""Campaigns as people read them on a terminal."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from madan_sara.cli.layout import facts, section
from madan_sara.cli.terminal import one_line, plain
from madan_sara.contracts.outreach import FINAL_STATES
from madan_sara.contracts.returns import BudgetAnalytics, Returns
from madan_sara.starter.campaign_status import CampaignStatusResult, ChannelStatus, EventStatus
from madan_sara.starter.campaign_words import render_instant, render_today

_Told = Callable[[Returns], str]

_COSTS: Final[Mapping[str, _Told]] = {
    "spent": lambda returns: f"{returns.spent:f}",
    "messages": lambda returns: f"{returns.messages:,}",
    "per message": lambda returns: _amount(returns.cost_per_message) or "-",
    "per delivered": lambda returns: _amount(returns.cost_per_delivered) or "-",
    "per engaged": lambda returns: _amount(returns.cost_per_engagement) or "-",
}
_GAINS: Final[Mapping[str, _Told]] = {
    "delivered": lambda returns: f"{returns.delivered:,}",
    "engaged": lambda returns: f"{returns.engaged:,}",
    "conversions": lambda returns: f"{returns.conversions:,}",
    "value": lambda returns: f"{returns.conversion_value:f}",
    "ROI": lambda returns: "-" if returns.roi is None else f"{100 * returns.roi:+.2f} %",
}


def campaign_view(status: CampaignStatusResult, *, lost: str | None = None) -> RenderableType:
    """A campaign's status.

    Args:
        status: its figures.
        lost: how its workflow ended, if from outside.
    """
    budget, pacing = status["budget"], status["pacing"]
    used, left = budget["budget_utilization_pct"], budget["budget_remaining"]
    known = {
        "status": status["campaign_status"],
        "waits for": None if lost else render_wait(status),
        "workflow": lost
        and f"{lost}; `madan-sara campaign start {status['campaign_id']}` goes on from here",
        "due, but waits for": "; ".join(w["explanation"] for w in status["channel_waits"]) or None,
        "messages": status["total_messages"],
        "outcomes": render_outcomes(status) or "none",
        "under way": render_under_way(status) or "none",
        "spent": f"{money(budget['budget_spent'])}{_of_money(budget['budget_total'])}"
        + (f" ({used:.2f} %)" if used is not None else ""),
        "held": money(budget["budget_held"]),
        "remaining": None if left is None else money(left),
        "today": render_today(status),
        "pace": pacing["recommendation"],
        "ideal share": pacing["ideal_spend_pct"],
        "actual share": pacing["actual_spend_pct"],
        "suggested a day": render_suggestion(status),
        "rate": render_rate(status),
        "finish": render_finish(status),
        "not reached": render_not_reached(status),
    }
    return Group(
        Text(campaign_title(status), style="bold"),
        *facts(known),
        channel_table(status["by_channel"]),
        *_events(status["last_events"]),
    )


def campaign_title(status: CampaignStatusResult) -> str:
    """A campaign's name, id and status."""
    return one_line(f"Campaign {status['campaign_name']} ({status['campaign_id']})")


def analytics_view(analytics: BudgetAnalytics) -> RenderableType:
    """A campaign's returns."""
    return Group(
        Text(f"Campaign {analytics.campaign_id}", style="bold"),
        *section("What it cost"),
        _returns_table(analytics, _COSTS),
        Text("What it brought", style="bold"),
        _returns_table(analytics, _GAINS),
    )


def channel_table(channels: Mapping[str, ChannelStatus]) -> Table:
    """The counts of each channel."""
    table = Table(box=box.SIMPLE)
    table.add_column("channel")
    for name in ("sent", "unknown", "delivered", "opened", "clicked", "spent"):
        table.add_column(name, justify="right")
    for name, channel in channels.items():
        counts = (
            channel["sent"], channel["unknown"],
            channel["delivered"], channel["opened"], channel["clicked"],
        )  # fmt: skip
        table.add_row(name, *(f"{count:,}" for count in counts), money(channel["spent"]))
    return table


def render_outcomes(status: CampaignStatusResult) -> str:
    """Messages with an outcome, by outcome; empty when there are none."""
    outcomes = status["by_outcome"]
    counts = {
        "sent": outcomes["sent"],
        "unknown": outcomes["unknown"],
        _with_reasons("failed", outcomes["failed"]): sum(outcomes["failed"].values()),
        "cancelled": outcomes["cancelled"],
        _with_reasons("blocked", outcomes["blocked"]): sum(outcomes["blocked"].values()),
    }
    return _counted(counts)


def render_under_way(status: CampaignStatusResult) -> str:
    """Messages without an outcome, by state; empty when there are none."""
    under_way = {s: n for s, n in status["by_state"].items() if s not in FINAL_STATES}
    return _counted(under_way)


def render_suggestion(status: CampaignStatusResult) -> str | None:
    """Messages a day that would use the budget up, where it sends another number now."""
    suggested = status["pacing"]["suggested_daily_messages"]
    if suggested is None or suggested == status["messages_a_day"]:
        return None
    return f"{suggested:,} messages a day would use the budget up by the end"


def money(amount: float) -> str:
    """An amount of an answer, with the decimals it has."""
    return f"{Decimal(str(amount)).normalize():f}"


def render_wait(status: CampaignStatusResult) -> str | None:
    """A campaign's wait, and until when."""
    wait, until = status["wait_explanation"], status["next_wake_at"]
    if wait is None or until is None:
        return wait
    return f"{wait}; looks again {render_instant(until)}"


def render_rate(status: CampaignStatusResult) -> str | None:
    """Its rate."""
    rate = status["rate_per_minute"]
    return None if rate is None else f"{rate:,g} messages a minute"


def render_finish(status: CampaignStatusResult) -> str | None:
    """Its expected finish."""
    finish = status["expected_finish_at"]
    return None if finish is None else f"expected {render_instant(finish)}"


def render_not_reached(status: CampaignStatusResult) -> str | None:
    """How many will get nothing, and why."""
    lost = status["not_reached"]
    return None if lost is None else lost["explanation"]


def _with_reasons(state: str, reasons: Mapping[str, int]) -> str:
    return f"{state} ({_counted({why.replace('_', ' '): n for why, n in reasons.items()})})"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def _events(events: list[EventStatus]) -> list[RenderableType]:
    if not events:
        return []
    return section("Lately", *(_event(event) for event in events))


def _event(event: EventStatus) -> str:
    details = ", ".join(f"{name} {value}" for name, value in event["details"].items())
    text = f"{render_instant(event['occurred_at'])}  {event['kind'].replace('_', ' ')}"
    return plain(f"{text}: {details}" if details else text)


def _returns_table(analytics: BudgetAnalytics, columns: Mapping[str, _Told]) -> Table:
    table = Table(box=box.SIMPLE)
    table.add_column("channel")
    for name in columns:
        table.add_column(name, justify="right")
    for channel, returns in analytics.by_channel.items():
        table.add_row(channel.value, *(text(returns) for text in columns.values()))
    table.add_section()
    total = (text(analytics.total) for text in columns.values())
    table.add_row("total", *total, style="bold")
    return table


def _of_money(limit: float | None) -> str:
    return "" if limit is None else f" of {money(limit)}"


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"
