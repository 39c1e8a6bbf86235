"""A campaign watched as it runs: a live picture on a terminal, a line per change elsewhere."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from madan_sara.cli.actions import Action, Reply
from madan_sara.cli.campaign_views import (
    campaign_title,
    channel_table,
    money,
    render_finish,
    render_not_reached,
    render_outcomes,
    render_rate,
    render_under_way,
    render_wait,
)
from madan_sara.cli.layout import facts
from madan_sara.cli.request_file import parse_id
from madan_sara.cli.terminal import Harmless, one_line, to_json_line
from madan_sara.contracts.campaign import FINAL_STATUSES
from madan_sara.contracts.outreach import FINAL_STATES
from madan_sara.starter.campaign_status import CampaignStatusResult
from madan_sara.starter.campaign_words import render_of_day
from madan_sara.starter.orchestrator import OutreachOrchestrator

Show = Callable[[CampaignStatusResult], None]

_BAR_WIDTH: Final = 40


def watch(campaign_id: str, *, interval_seconds: float, as_json: bool) -> Action:
    """Show a campaign again and again, until it is over or Ctrl-C."""
    campaign = parse_id(campaign_id, "CAMPAIGN_ID")

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        await _watch(orchestrator, campaign, interval_seconds, as_json=as_json)
        return Reply({}, None)

    return action


async def _watch(
    orchestrator: OutreachOrchestrator, campaign: UUID, interval_seconds: float, *, as_json: bool
) -> None:
    async def ask() -> CampaignStatusResult:
        return await orchestrator.get_orchestration_status(campaign)

    try:
        with _display(as_json=as_json) as show:
            await _follow(ask, show, interval_seconds)
    except BrokenPipeError:
        # The reader of the lines has gone; Python would complain on closing the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def _follow(
    ask: Callable[[], Awaitable[CampaignStatusResult]], show: Show, interval_seconds: float
) -> None:
    while True:
        status = await ask()
        show(status)
        if status["campaign_status"] in FINAL_STATUSES:
            return
        await asyncio.sleep(interval_seconds)


@contextmanager
def _display(*, as_json: bool) -> Iterator[Show]:
    """Shows each status."""
    if as_json:
        yield _Lines(to_json_line)
    elif not sys.stdout.isatty():
        yield _Lines(status_line)
    else:
        console = Console(highlight=False, markup=False, emoji=False)
        with Live(console=console, auto_refresh=False) as live:
            yield lambda status: live.update(Harmless(picture(status)), refresh=True)


class _Lines:
    """Writes a line for each status that differs from the last."""

    def __init__(self, text: Callable[[CampaignStatusResult], str]) -> None:
        self._render = text
        self._last: object = None

    def __call__(self, status: CampaignStatusResult) -> None:
        news = [
            status[key]
            for key in ("campaign_status", "waits_for", "by_state", "by_outcome", "by_channel")
        ]
        if news != self._last:
            self._last = news
            sys.stdout.write(self._render(status) + "\n")
            sys.stdout.flush()


def status_line(status: CampaignStatusResult) -> str:
    """A campaign's status, in one line."""
    budget = status["budget"]
    parts = (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC {status['campaign_status']}",
        f"{_ended(status):,} of {status['total_messages']:,} with an outcome",
        render_outcomes(status),
        f"under way: {render_under_way(status)}" if render_under_way(status) else "",
        f"{money(budget['budget_spent'])} spent, {money(budget['budget_held'])} held",
        render_rate(status),
        f"finish {render_finish(status)}" if render_finish(status) else "",
        render_not_reached(status) or "",
        f"waits for {render_wait(status)}" if render_wait(status) else "",
    )
    return one_line("; ".join(part for part in parts if part))


def picture(status: CampaignStatusResult) -> RenderableType:
    """A campaign's status, as bars and a table."""
    known = {
        "outcomes": render_outcomes(status) or "none yet",
        "under way": render_under_way(status) or "nothing",
        "rate": render_rate(status) or "nothing was sent lately",
        "finish": render_finish(status),
        "not reached": render_not_reached(status),
        "waits for": render_wait(status),
    }
    return Group(
        Text(f"{campaign_title(status)}: {status['campaign_status']}", style="bold"),
        _bars(status),
        *facts(known),
        channel_table(status["by_channel"]),
    )


def _bars(status: CampaignStatusResult) -> Table:
    budget, day = status["budget"], status["daily_limit"]
    ended, total_messages = _ended(status), status["total_messages"]
    used, total = budget["budget_spent"] + budget["budget_held"], budget["budget_total"]
    of_money = "" if total is None else f" of {money(total)}"
    bars = Table.grid(padding=(0, 1))
    _add_bar(bars, "messages", ended, total_messages, f"{ended:,} of {total_messages:,} done")
    text = f"{money(budget['budget_spent'])} spent, {money(budget['budget_held'])} held{of_money}"
    _add_bar(bars, "budget", used, total, text)
    today, a_day = day["messages_sent_today"], status["messages_a_day"]
    _add_bar(bars, "today", today, a_day, f"{render_of_day(status)} messages")
    return bars


def _add_bar(bars: Table, name: str, done: float, whole: float | None, text: str) -> None:
    """A bar, or only the words where it has no limit."""
    bar: RenderableType = ""
    if whole:
        bar = ProgressBar(total=float(whole), completed=float(min(done, whole)), width=_BAR_WIDTH)
    bars.add_row(Text(f"  {name:<12}", "cyan"), bar, text)


def _ended(status: CampaignStatusResult) -> int:
    return sum(n for state, n in status["by_state"].items() if state in FINAL_STATES)
