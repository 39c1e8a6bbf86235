"""`madan-sara send`, and what it leaves in the database."""

import json
import uuid
from uuid import UUID

import pytest
from sqlalchemy import text
from temporalio.client import WorkflowFailureError

from madan_sara.contracts.campaign import DEFAULT_TENANT

LATER = "2092-01-05T15:00:00Z"


@pytest.fixture
def stored(database):
    """How many campaigns and messages a campaign id stands for."""

    async def count(campaign_id: str) -> int:
        query = text(
            "SELECT (SELECT count(*) FROM campaigns WHERE campaign_id = :id)"
            " + (SELECT count(*) FROM messages WHERE campaign_id = :id)"
        )
        async with database.statement() as connection:
            found = await connection.execute(query, {"id": UUID(campaign_id)})
            return int(found.scalar_one())

    return count


async def test_a_message_is_scheduled(madan_sara, request_file, campaign, tmp_path):
    campaign["start_date"] = LATER
    file = tmp_path / "request.json"
    file.write_text(json.dumps(request_file))
    sent = await madan_sara("send", str(file), "--json")
    assert (sent.code, sent.err) == (0, "")
    assert sent.document == {
        "campaign_id": campaign["id"],
        "status": "scheduled",
        "message_id": sent.document["message_id"],
        "channel": "instagram",
        "scheduled_at": LATER,
        "fallback_channels": ["email"],
        "routing_reason": "user_preference",
        "reason": None,
        "details": {},
        "warnings": [],
    }


async def test_the_saved_campaign_stands_against_the_files(
    madan_sara, orchestrator, request_file, campaign
):
    campaign["daily_limit"] = 10
    await madan_sara("send", "-", "--json", stdin=request_file)
    await orchestrator.campaign(UUID(campaign["id"])).set_limits(daily_limit=3)

    again = await madan_sara("send", "-", "--json", stdin=request_file)
    outcome = await madan_sara("send", "-", stdin=request_file)

    (warning,) = again.document["warnings"]
    assert "the saved one stands, which differs from the one given in daily_limit;" in warning
    assert "warning" in outcome.out
    assert (await orchestrator.get_campaign(UUID(campaign["id"]))).daily_limit == 3


async def test_a_repetition_with_its_key_answers_with_the_first(
    madan_sara, request_file, campaign, stored
):
    request_file["idempotency_key"] = campaign["id"]
    first = await madan_sara("send", "-", "--json", stdin=request_file)
    second = await madan_sara("send", "-", "--json", stdin=request_file)
    assert first.document["message_id"] == second.document["message_id"]
    assert second.code == 0
    assert await stored(campaign["id"]) == 2


async def test_a_repetition_after_the_end_answers_with_the_end_and_nothing_else(
    madan_sara, orchestrator, request_file, campaign
):
    campaign["start_date"] = LATER
    request_file["idempotency_key"] = campaign["id"]
    first = await madan_sara("send", "-", "--json", stdin=request_file)
    sending = orchestrator.handle(UUID(first.document["message_id"]))
    await sending.cancel()
    with pytest.raises(WorkflowFailureError):
        await sending.result()

    again = await madan_sara("send", "-", "--json", stdin=request_file)

    assert (again.code, again.err) == (1, "")
    assert again.document["message_id"] == first.document["message_id"]
    assert again.document["status"] == "cancelled"


async def test_a_duplicate_is_blocked(madan_sara, orchestrator, request_file, campaign):
    campaign["start_date"] = LATER
    first = await madan_sara("send", "-", "--json", stdin=request_file)
    request_file["campaign_id"] = request_file.pop("campaign")["id"]
    again = await madan_sara("send", "-", "--json", stdin=request_file)
    assert (again.code, again.err) == (1, "")
    assert again.document["status"] == "blocked"
    assert again.document["reason"] == "duplicate"
    assert again.document["details"]["last_message_id"] == first.document["message_id"]

    outcome = await madan_sara("explain", again.document["message_id"])
    assert outcome.code == 0
    assert "The message was blocked: duplicate. Nothing was sent." in outcome.out
    assert f"message {first.document['message_id']}" in outcome.out
    assert "24 hours pass between two messages" in outcome.out
    assert "force_send" in outcome.out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"content": {"email": "Hi {{ nom }}"}}, "content.email"),
        ({"campaign": {"end_date": "2020-01-01T00:00:00Z"}}, "campaign.end_date: "),
        ({"campaign": {"tenant_uuid": str(uuid.uuid4())}}, "campaign.tenant_uuid: "),
    ],
)
async def test_a_contradiction_is_refused_and_nothing_stored(
    madan_sara, request_file, campaign, stored, change, said
):
    campaign.update(change.pop("campaign", {}))
    refused = await madan_sara("send", "-", "--json", stdin={**request_file, **change})
    assert (refused.code, refused.out) == (2, "")
    (line,) = refused.err.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert await stored(campaign["id"]) == 0


async def test_a_suppressed_number_is_found_however_it_is_written(madan_sara, request_file):
    digits = f"3{uuid.uuid4().int % 10**7:07d}"
    request_file["recipient_profile"]["contact_info"] = {"phone": f"+509{digits}"}
    request_file["content"] = {"sms": "Bonjour!"}
    shown = f"+509 {digits[:4]}-{digits[4:]}"
    suppressed = await madan_sara("suppress", "--address", shown, "--reason", "asked by phone")
    assert (suppressed.code, suppressed.err) == (0, "")
    sent = await madan_sara("send", "-", stdin=request_file)
    assert sent.code == 1
    assert "asked by phone" in sent.out
    lifted = await madan_sara("suppress", "--lift", "--address", f"+509 {digits}")
    assert (lifted.code, lifted.err) == (0, "")
    assert lifted.out.startswith(f"+509{digits} may be contacted again on any channel (since 20")
    again = await madan_sara("send", "-", stdin=request_file)
    assert again.code == 0
    assert f"campaign     {request_file['campaign']['id']}" in again.out
    nothing = await madan_sara("suppress", "--lift", "--address", f"+509 {digits}")
    assert nothing.code == 3


async def test_the_default_tenant_is_used(madan_sara, request_file, orchestrator, campaign):
    campaign["start_date"] = LATER
    await madan_sara("send", "-", stdin=request_file)
    saved = await orchestrator.get_campaign(UUID(campaign["id"]))
    assert saved.tenant_uuid == DEFAULT_TENANT
