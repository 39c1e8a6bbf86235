"""The actions of commands that steer a campaign, once their arguments are read."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from madan_sara.cli.actions import Action, Reply
from madan_sara.cli.asking import confirm
from madan_sara.cli.campaign_views import campaign_title
from madan_sara.cli.request_file import parse_amount, parse_id, parse_instant_or_day
from madan_sara.contracts.campaign import FINAL_STATUSES, OutreachCampaign
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.outreach import FINAL_STATES
from madan_sara.starter.campaign_control import CampaignControl
from madan_sara.starter.campaign_status import CampaignStatusResult
from madan_sara.starter.orchestrator import OutreachOrchestrator


def start(campaign_id: str) -> Action:
    """Start a campaign, or let it go on with the recipients added since."""
    campaign = parse_id(campaign_id, "CAMPAIGN_ID")

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        handle = await orchestrator.campaign(campaign).start()
        text = f"is started; watch it with `madan-sara campaign status {campaign} --watch`"
        return _reply(campaign, text, workflow_id=handle.id)

    return action


def pause(campaign_id: str) -> Action:
    """Send nothing until the resume."""
    return _steer(campaign_id, CampaignControl.pause, "is paused; nothing is sent until it resumes")


def resume(campaign_id: str) -> Action:
    """Go on."""
    text = "is active; what was due goes within its allowed hours"
    return _steer(campaign_id, CampaignControl.resume, text)


def cancel(campaign_id: str, reason: str, *, yes: bool) -> Action:
    """Send nothing more, and give held money back."""
    campaign = parse_id(campaign_id, "CAMPAIGN_ID")

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        status = await orchestrator.get_orchestration_status(campaign)
        if status["campaign_status"] not in FINAL_STATUSES:
            await confirm(_cancelling(status), yes=yes)
        await orchestrator.campaign(campaign).cancel(reason)
        return _reply(campaign, "is cancelled; what is unsent is being closed", reason=reason)

    return action


def change(
    campaign_id: str,
    daily_limit: int | None,
    budget: str | None,
    end_date: str | None,
    *,
    yes: bool,
) -> Action:
    """Change a campaign's limits while it runs."""
    campaign = parse_id(campaign_id, "CAMPAIGN_ID")
    total = None if budget is None else parse_amount(budget, "--budget")
    end = None if end_date is None else parse_instant_or_day(end_date, "--end-date")
    if daily_limit is None and total is None and end is None:
        raise InvalidRequestError(
            "--daily-limit, --budget, --end-date: give at least one, to say what is to change"
        )

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        saved = await orchestrator.get_campaign(campaign)
        lowered = _lowered(saved, daily_limit, total)
        if lowered and saved.status not in FINAL_STATUSES:
            await confirm(f"Campaign {saved.name}: {', '.join(lowered)}.", yes=yes)
        await orchestrator.campaign(campaign).set_limits(
            daily_limit=daily_limit, budget_total=total, end_date=end
        )
        changed = {"daily_limit": daily_limit, "budget_total": total, "end_date": end}
        given = {name: value for name, value in changed.items() if value is not None}
        return _reply(campaign, f"has {_render_limits(given)} now", **given)

    return action


def _cancelling(status: CampaignStatusResult) -> str:
    """The effect of a cancel, as a question."""
    open_ = sum(n for state, n in status["by_state"].items() if state not in FINAL_STATES)
    return (
        f"{campaign_title(status)} is about to be cancelled for good: {open_:,} of "
        f"{status['total_messages']:,} messages have no outcome yet and will not be sent."
    )


def _lowered(saved: OutreachCampaign, daily_limit: int | None, budget: Decimal | None) -> list[str]:
    """The limits that would be lowered, as a question."""
    limits: dict[str, tuple[Decimal | int | None, Decimal | int | None]] = {
        "daily limit": (saved.daily_limit, daily_limit),
        "budget": (saved.budget_total, budget),
    }
    return [
        f"its {name}, {'none' if now is None else now} so far, becomes {then}"
        for name, (now, then) in limits.items()
        if then is not None and (now is None or then < now)
    ]


def _render_limits(changed: Mapping[str, object]) -> str:
    """The new limits of a campaign, like `a daily limit of 800 and a budget of 9.5`."""
    names = {
        "daily_limit": "a daily limit of",
        "budget_total": "a budget of",
        "end_date": "an end at",
    }
    return " and ".join(f"{names[name]} {value}" for name, value in changed.items())


def _steer(campaign_id: str, command: Any, text: str) -> Action:  # noqa: ANN401 - a method
    campaign = parse_id(campaign_id, "CAMPAIGN_ID")

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        await command(orchestrator.campaign(campaign))
        return _reply(campaign, text)

    return action


def _reply(campaign_id: UUID, text: str, **more: object) -> Reply:
    return Reply({"campaign_id": campaign_id, **more}, f"Campaign {campaign_id} {text}.")
