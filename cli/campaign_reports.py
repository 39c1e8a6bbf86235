"""The actions of commands that show a campaign's figures, once their arguments are read."""

from madan_sara.cli.actions import Action, Reply
from madan_sara.cli.campaign_views import analytics_view, campaign_view
from madan_sara.cli.request_file import parse_amount, parse_id, parse_instant
from madan_sara.contracts.campaign import FINAL_STATUSES
from madan_sara.starter.orchestrator import OutreachOrchestrator


def status(campaign_id: str) -> Action:
    """A campaign's budget, daily limit, pacing, counts and prospects."""
    campaign = parse_id(campaign_id, "CAMPAIGN_ID")

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        result = await orchestrator.get_orchestration_status(campaign)
        is_over = result["campaign_status"] in FINAL_STATUSES
        lost = None if is_over else await orchestrator.campaign(campaign).lost()
        return Reply({**result, "workflow_lost": lost}, campaign_view(result, lost=lost))

    return action


def analytics(campaign_id: str) -> Action:
    """A campaign's returns."""
    campaign_uuid = parse_id(campaign_id, "CAMPAIGN_ID")

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        campaign = await orchestrator.get_campaign(campaign_uuid)
        result = await orchestrator.budget.get_budget_analytics(campaign)
        return Reply(result.model_dump(), analytics_view(result))

    return action


def convert(message_id: str, value: str, conversion_id: str | None, at: str | None) -> Action:
    """Keep a conversion of a message."""
    message = parse_id(message_id, "MESSAGE_ID")
    amount = parse_amount(value, "VALUE")
    happened_at = None if at is None else parse_instant(at, "--at")

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        known_as = await orchestrator.record_conversion(
            message, amount, conversion_id=conversion_id, at=happened_at
        )
        document = {"message_id": message, "conversion_id": known_as, "value": amount}
        text = f"A conversion of {amount:f} is counted for message {message}, as {known_as}."
        return Reply(document, text)

    return action
