"""What a campaign's money brought: `madan-sara campaign analytics`, and `madan-sara convert`."""

import uuid
from datetime import UTC, datetime
from uuid import UUID

import pytest

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.delivery import DeliveryEvent, DeliveryEventKind
from tests.receipts import pass_on_receipts


@pytest.fixture
async def message(orchestrator, campaign, request_file, sandbox) -> UUID:
    """Sent on Instagram for 0.50, delivered, opened and clicked."""
    prices = {"prices": {"instagram": "0.50"}}
    campaign |= {"budget_total": 10, "settings": {"quiet_hours": None, **prices}}
    request = {**request_file, "campaign": OutreachCampaign(**campaign)}
    message = UUID((await orchestrator.send_outreach(**request))["message_id"])
    await orchestrator.handle(message).result()
    await pass_on_receipts(sandbox, orchestrator, message)
    for kind in (DeliveryEventKind.OPENED, DeliveryEventKind.CLICKED, DeliveryEventKind.OPENED):
        event = DeliveryEvent(
            provider="sandbox",
            provider_event_id=str(uuid.uuid4()),
            message_id=message,
            attempt_no=1,
            kind=kind,
            occurred_at=datetime.now(UTC),
        )
        assert await orchestrator.record_delivery_event(event)
    return message


async def test_money_engagement_and_conversions_come_together(madan_sara, campaign, message):
    sold = await madan_sara("convert", str(message), "12.50", "--id", "order 17", "--json")
    assert (sold.code, sold.err) == (0, "")
    assert sold.document == {
        "message_id": str(message), "conversion_id": "order 17", "value": 12.5,
    }  # fmt: skip
    again = await madan_sara("convert", str(message), "12.5", "--id", "order 17")
    assert again.out == f"A conversion of 12.5 is counted for message {message}, as order 17.\n"

    outcome = await madan_sara("campaign", "analytics", campaign["id"], "--json")
    assert (outcome.code, outcome.err) == (0, "")
    expected = {
        "spent": 0.5,
        "messages": 1,
        "delivered": 1,
        "engaged": 1,
        "conversions": 1,
        "conversion_value": 12.5,
        "cost_per_message": 0.5,
        "cost_per_delivered": 0.5,
        "cost_per_engagement": 0.5,
        "roi": 24.0,
    }
    assert outcome.document["campaign_id"] == campaign["id"]
    assert outcome.document["total"] == expected
    assert outcome.document["by_channel"]["instagram"] == expected
    assert outcome.document["by_channel"]["email"]["roi"] is None

    shown = await madan_sara("campaign", "analytics", campaign["id"])
    assert "+2400.00 %" in shown.out
    status = await madan_sara("campaign", "status", campaign["id"], "--json")
    assert status.document["by_channel"]["instagram"] == {
        "sent": 1, "unknown": 0, "delivered": 1, "opened": 1, "clicked": 1, "spent": 0.5,
    }  # fmt: skip
    assert status.document["rate_per_minute"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["convert", str(uuid.UUID(int=1)), "5"], 3, "there is no message 0000"),
        (["convert", "17", "5"], 2, "MESSAGE_ID: '17' is no UUID"),
        (["convert", str(uuid.UUID(int=1)), "much"], 2, "VALUE: 'much' is no amount"),
        (["convert", str(uuid.UUID(int=1)), "NaN"], 2, "VALUE: 'NaN' is no amount"),
        (["convert", str(uuid.UUID(int=1)), "5", "--at", "today"], 2, "--at: is no ISO 8601 time"),
        (["campaign", "analytics", str(uuid.UUID(int=1))], 3, "there is no campaign 0000"),
    ],
)
async def test_a_wrong_conversion_is_refused_in_one_line(madan_sara, arguments, code, said):
    refused = await madan_sara(*arguments)
    assert (refused.code, refused.out) == (code, "")
    (line,) = refused.err.splitlines()
    assert line.startswith("error: ")
    assert said in line
