"""`madan-sara campaign list`, `messages` and `person`."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from madan_sara.contracts.campaign import CampaignStatus, OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.found import MessageFilter
from madan_sara.contracts.outreach import ExitReason, OutreachState
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.audience import queue
from tests.makers import make_campaign

LATER = datetime.now(UTC) + timedelta(days=40)


@pytest.fixture
def tenant(client, database, tenant_id) -> OutreachOrchestrator:
    """A client of a tenant of its own, with nothing of others to be found."""
    return OutreachOrchestrator(client, database, tenant_id=tenant_id)


def _campaign(tenant_id: UUID, **changes) -> OutreachCampaign:
    return make_campaign(tenant_id, templates={"default": "Bonjou"}, **changes)


def _people(count: int) -> list[dict[str, object]]:
    return [
        {"id": f"p{n}", "name": f"P{n}", "contact_info": {"email": f"p{n}@example.com"}}
        for n in range(count)
    ]


async def _pages(ask, limit: int, key: str) -> list[UUID]:
    """Everything, asked for page by page."""
    found: list[UUID] = []
    while page := await ask(after=found[-1] if found else None, limit=limit):
        assert len(page) <= limit
        found += [getattr(entry, key) for entry in page]
    return found


async def test_pages_hold_every_campaign_once_the_newest_first(database, tenant, tenant_id):
    saved = [_campaign(tenant_id, name=f"Fair {n}") for n in range(5)]
    saved[3].status = CampaignStatus.PAUSED
    for campaign in saved:
        await tenant.save_campaign(campaign)
    await queue(database, saved[1], _people(3))

    newest_first = [campaign.id for campaign in reversed(saved)]
    for limit in (1, 2, 5, 7):
        assert await _pages(tenant.find.campaigns, limit, "campaign_id") == newest_first
    (paused,) = await tenant.find.campaigns(status=CampaignStatus.PAUSED)
    assert (paused.name, paused.by_state) == ("Fair 3", {})
    assert (await tenant.find.campaigns())[3].by_state == {"queued": 3}
    for limit in (0, 1001):
        with pytest.raises(InvalidRequestError, match=f"limit: {limit} is not between"):
            await tenant.find.campaigns(limit=limit)


async def test_pages_hold_every_message_once_in_the_order_of_the_file(database, tenant, tenant_id):
    campaign, other = _campaign(tenant_id), _campaign(tenant_id)
    for one in (campaign, other):
        await tenant.save_campaign(one)
        await queue(database, one, _people(7))

    async def page(**wanted):
        return await tenant.find.messages(campaign.id, **wanted)

    async def page_of_p3(**wanted):
        return (await tenant.find.person("p3", **wanted)).messages

    all_messages = await page()
    assert [message.recipient_id for message in all_messages] == [f"p{n}" for n in range(7)]
    ids = [message.message_id for message in all_messages]
    for limit in (1, 3, 7):
        assert await _pages(page, limit, "message_id") == ids
    (mine,) = await page(chosen=MessageFilter(recipient_id="p3"))
    assert mine == all_messages[3]
    queued = MessageFilter(state=OutreachState.QUEUED)
    assert await page(chosen=queued, after=ids[2]) == all_messages[3:]
    for nothing in (
        MessageFilter(state=OutreachState.SENT),
        MessageFilter(reason=ExitReason.DUPLICATE),
        MessageFilter(channel=Channel.SMS),
        MessageFilter(recipient_id="p3", state=OutreachState.SENT),
    ):
        assert await page(chosen=nothing) == []
    both = await page_of_p3()
    assert {message.campaign_id for message in both} == {campaign.id, other.id}
    assert await _pages(page_of_p3, 1, "message_id") == [message.message_id for message in both]


async def test_the_reason_why_a_person_got_nothing_is_reported(
    madan_sara, orchestrator, request_file
):
    """One message asleep, one blocked by it, one channel closed by the person's own word."""
    anna = f"anna {uuid.uuid4().hex}"
    request = {**request_file, "recipient_id": anna}
    campaign = OutreachCampaign(**request.pop("campaign"), start_date=LATER)
    asleep = await orchestrator.send_outreach(campaign, **request)
    blocked = await orchestrator.send_outreach(campaign, **request)
    await orchestrator.suppress(recipient_id=anna, channel=Channel.SMS, reason="wrong number")

    found = (await madan_sara("person", anna, "--json")).document
    assert found["suppressions"] == [{"channel": "sms", "reason": "wrong number"}]
    assert (found["messages_today"], found["messages_this_week"]) == (1, 1)
    assert (found["max_messages_per_day"], found["max_messages_per_week"]) == (3, 10)
    assert [(m["message_id"], m["state"], m["reason"]) for m in found["messages"]] == [
        (blocked["message_id"], "blocked", "duplicate"),
        (asleep["message_id"], "scheduled", None),
    ]
    assert found["next_after"] is None

    outcome = await madan_sara("person", anna)
    assert (outcome.code, outcome.err) == (0, "")
    for line in (
        "suppressed   sms: wrong number",
        "counts       1 in 24 hours, 1 in 7 days",
        "Spring fair - blocked: duplicate",
        f"(message {asleep['message_id']}, ",
        f"Spring fair - scheduled until {LATER:%Y-%m-%d %H:%M} UTC",
    ):
        assert line in outcome.out
    more = await madan_sara("person", anna, "--limit", "1")
    assert re.findall(r"more: madan-sara (.*)", more.out) == [
        f"person '{anna}' --limit 1 --after {blocked['message_id']}"
    ]

    listed = await madan_sara("messages", str(campaign.id), "--reason", "duplicate", "--json")
    assert [m["message_id"] for m in listed.document["messages"]] == [blocked["message_id"]]
    shown = await madan_sara("messages", str(campaign.id), "--state", "scheduled")
    assert f"{asleep['message_id']}" in shown.out
    assert f"scheduled until {LATER:%Y-%m-%d %H:%M} UTC" in shown.out
    assert blocked["message_id"] not in shown.out
    campaigns = await madan_sara("campaign", "list", "--limit", "1000", "--json")
    (mine,) = (c for c in campaigns.document["campaigns"] if c["campaign_id"] == str(campaign.id))
    assert (mine["name"], mine["by_state"]) == ("Spring fair", {"blocked": 1, "scheduled": 1})
    await orchestrator.cancel(UUID(asleep["message_id"]))


async def test_a_person_known_only_by_a_suppression_is_found(tenant):
    await tenant.suppress(recipient_id="bob")
    person = await tenant.find.person("bob")
    assert [s.reason for s in person.contacts.suppressions] == ["asked not to be contacted"]
    assert (person.messages, person.messages_this_week) == ([], 0)
    with pytest.raises(LookupError, match="recipient_id: nothing is known"):
        await tenant.find.person("nobody")
