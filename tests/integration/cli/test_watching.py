"""`madan-sara status` and `explain`, and the commands that move a message."""

import uuid
from datetime import UTC, datetime
from uuid import UUID

import pytest
from temporalio.client import WorkflowFailureError

from madan_sara.contracts.outreach import OutreachState
from madan_sara.persistence.messages import PostgresMessageStore
from madan_sara.starter.requests import new_message

LATER = datetime(2092, 1, 5, 15, tzinfo=UTC)


@pytest.fixture
def send(orchestrator, request_file):
    """Send by the library; the message's id."""

    async def send(**changes) -> UUID:
        document = {**request_file, **changes}
        campaign = document.pop("campaign")
        result = await orchestrator.send_outreach(campaign=campaign, **document)
        return UUID(result["message_id"])

    return send


@pytest.fixture
def request_file(request_file):
    from madan_sara.contracts.campaign import OutreachCampaign

    return {**request_file, "campaign": OutreachCampaign(**request_file["campaign"])}


async def test_a_sleeping_message_is_shown_and_explained(madan_sara, send, request_file):
    request_file["campaign"].start_date = LATER
    message = await send()
    status = await madan_sara("status", str(message), "--json")
    assert (status.code, status.err) == (0, "")
    assert status.document["state"] == "scheduled"
    assert status.document["next_wake_at"] == "2092-01-05T15:00:00Z"
    assert status.document["scheduled_at_local"] == "2092-01-05T10:00:00-05:00"
    assert status.document["source"] == "workflow"

    outcome = await madan_sara("explain", str(message))
    assert (outcome.code, outcome.err) == (0, "")
    assert "instagram was chosen because the recipient prefers it." in outcome.out
    assert "next in order: email" in outcome.out
    for channel in ("sms", "linkedin"):
        assert f"{channel} - ruled out: no address: the recipient has no address" in outcome.out
    assert "Sat 2092-01-05 10:00 America/New_York (2092-01-05 15:00 UTC)" in outcome.out
    assert "0: the list price of one message on instagram" in outcome.out


async def test_a_message_that_fell_back_shows_its_attempts(
    madan_sara, orchestrator, send, request_file
):
    contacts = request_file["recipient_profile"]["contact_info"]
    contacts["instagram_handle"] = f"@refuse-{uuid.uuid4().hex}"
    message = await send()
    await orchestrator.handle(message).result()
    explanation = (await madan_sara("explain", str(message), "--json")).document
    assert explanation["state"] == "sent"
    first, second = explanation["attempts"]
    assert (first["channel"], first["outcome"]) == ("instagram", "refused")
    assert first["code"] == "recipient_refused"
    assert (second["channel"], second["outcome"]) == ("email", "accepted")
    assert second["provider_message_id"]
    assert explanation["money"]["price"] == explanation["money"]["spent"] == 0.001
    assert explanation["money"]["held"] == 0
    assert "email is its fallback" in explanation["why_channel"]


async def test_a_message_whose_workflow_was_terminated_does_not_seem_asleep(
    madan_sara, orchestrator, send, request_file
):
    request_file["campaign"].start_date = LATER
    message = await send()
    await orchestrator.handle(message).terminate("by hand")

    outcome = await madan_sara("status", str(message))
    assert (outcome.code, outcome.err) == (1, "")
    assert "left as scheduled, and goes no further: its workflow was terminated" in outcome.out
    assert f"`madan-sara cancel {message}` closes it and gives back what it holds" in outcome.out
    assert "wakes next" not in outcome.out
    document = (await madan_sara("status", str(message), "--json")).document
    assert (document["workflow_lost"], document["next_wake_at"]) == ("was terminated", None)
    why = await madan_sara("explain", str(message))
    assert "The message is scheduled and goes no further: its workflow was terminated." in why.out
    with pytest.raises(LookupError, match="its workflow was terminated"):
        await orchestrator.get_status(message)

    assert (await madan_sara("cancel", str(message))).code == 0
    ended = (await madan_sara("status", str(message), "--json")).document
    assert (ended["state"], ended["workflow_lost"]) == ("cancelled", None)


async def test_a_message_temporal_does_not_know_is_shown_as_stored(
    madan_sara, orchestrator, database, request_file
):
    campaign = request_file.pop("campaign")
    await orchestrator.save_campaign(campaign)
    message = new_message(campaign, **request_file)
    await PostgresMessageStore(database).store(message, datetime.now(UTC))
    status = await madan_sara("status", str(message.message_id), "--json")
    assert (status.code, status.document["source"]) == (0, "database")
    assert status.document["state"] == "deciding"


async def test_a_message_is_moved_and_withdrawn(madan_sara, orchestrator, send, request_file):
    request_file["campaign"].start_date = LATER
    message = str(await send())
    moved = await madan_sara("reschedule", message, "2092-01-06T10:00:00-05:00", "--json")
    assert (moved.code, moved.document["scheduled_at"]) == (0, "2092-01-06T15:00:00Z")
    too_late = await madan_sara("reschedule", message, "2020-01-06T10:00:00Z")
    assert too_late.code == 2
    assert too_late.err.startswith("error: at: 2020-01-06")
    on_email = await madan_sara("fallback", message, "--json")
    assert (on_email.code, on_email.document["channel"]) == (0, "email")

    withdrawn = await madan_sara("cancel", message, "--json")
    assert (withdrawn.code, withdrawn.document["cancel_requested"]) == (0, True)
    with pytest.raises(WorkflowFailureError):
        await orchestrator.handle(UUID(message)).result()
    assert (await orchestrator.get_message(UUID(message))).state is OutreachState.CANCELLED
    outcome = await madan_sara("explain", message)
    assert "The message was cancelled. Nothing was sent." in outcome.out
    assert "instagram was chosen because the recipient prefers it; email is its fallback" in (
        outcome.out
    )
    assert (await madan_sara("status", message)).code == 1
    again = await madan_sara("cancel", message)
    assert (again.code, again.out) == (2, "")
    assert "has ended" in again.err
