"""One outreach from request to settled delivery, everything real."""

from uuid import UUID

from madan_sara.contracts.outreach import OutreachState
from tests.makers import make_campaign, make_profile


async def test_an_email_is_sent_at_once_and_settled(orchestrator, tenant_id, mail_sink):
    campaign = make_campaign(tenant_id, budget_total=1)
    result = await orchestrator.send_outreach(
        campaign=campaign,
        recipient_id="user_1",
        recipient_profile=make_profile(contact_info={"email": f"{tenant_id}@example.com"}),
        content={"email": "Bonjour {{ name }}!"},
    )
    assert result["status"] == "scheduled"
    assert result["channel"] == "email"

    ended = await orchestrator.handle(UUID(result["message_id"])).result()
    assert ended.state is OutreachState.SENT

    mails = [m for m in mail_sink.messages if str(tenant_id) in m.message["To"]]
    assert [m.message.get_content().strip() for m in mails] == ["Bonjour Marie!"]
    status = await orchestrator.get_orchestration_status(campaign.id)
    assert str(status["budget"]["budget_spent"]) == "0.001"
    assert status["budget"]["budget_held"] == 0
    assert status["total_sent"] == 1


async def test_a_text_message_is_paid_by_the_segment(orchestrator, tenant_id, workers):
    """One emoji makes a text of 160 characters one of three segments."""
    reachable = {"phone": "+50937001234"}
    text = "a" * 158 + "\N{BREAD}"
    for number, (budget, status) in enumerate((("0.0224", "blocked"), ("0.0225", "scheduled"))):
        campaign = make_campaign(tenant_id, channels=["sms"], budget_total=budget)
        result = await orchestrator.send_outreach(
            campaign, f"user-{number}", make_profile(contact_info=reachable), {"sms": text}
        )
        assert result["status"] == status
    status = await orchestrator.get_orchestration_status(campaign.id)
    budget = status["budget"]
    assert str(budget["budget_spent"] + budget["budget_held"]) == "0.0225"
