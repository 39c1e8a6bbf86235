"""The six components on their own, by the guide's method names."""

import asyncio
import gc
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.errors import FinalStatusError, InvalidRequestError, OverLimitError
from madan_sara.contracts.outreach import ExitReason
from madan_sara.contracts.recipient import CustomerType, RecipientProfile
from madan_sara.policy.pacing import PaceRecommendation
from tests.makers import make_campaign, make_profile

#: After the start of every campaign here: a Monday, ten in the morning in Port-au-Prince.
NOW = datetime(2099, 11, 23, 15, 0, tzinfo=UTC)


@pytest.fixture
def campaign(tenant_id):
    return make_campaign(tenant_id, channels=["email", "sms"], budget_total=1, daily_limit=5)


async def _send(orchestrator, campaign, recipient_id, text):
    result = await orchestrator.send_outreach(
        campaign, recipient_id, make_profile(), {"email": text}
    )
    await orchestrator.handle(UUID(result["message_id"])).result()


async def test_the_deduplicator_finds_duplicates_caps_and_safe_channels(orchestrator, campaign):
    deduplicator = orchestrator.deduplicator
    assert await deduplicator.check_duplicate(campaign, "marie") is None
    assert await deduplicator.get_safe_channels(campaign, "marie") == ["email", "sms"]

    await _send(orchestrator, campaign, "marie", "Ripe mangoes from Leogane, a dozen for fifty")

    again = await deduplicator.check_duplicate(campaign, "marie")
    assert again is not None
    assert (again.reason, again.details["kind"]) == (ExitReason.DUPLICATE, "look_back")
    assert await deduplicator.check_duplicate(campaign, " marie\n") is not None
    assert await deduplicator.get_safe_channels(campaign, "marie") == ["sms"]
    other = campaign.model_copy(update={"id": uuid4()})
    assert await deduplicator.check_duplicate(other, "marie", texts=["Salt fish"]) is None
    similar = await deduplicator.check_duplicate(
        other, "marie", texts=["Ripe mangoes from Leogane, a dozen for forty"]
    )
    assert similar is not None
    assert similar.details["kind"] == "near_duplicate"

    assert await deduplicator.apply_frequency_cap(campaign, "marie") is None
    strict = campaign.model_copy(
        update={"settings": campaign.settings.model_copy(update={"max_messages_per_day": 1})}
    )
    capped = await deduplicator.apply_frequency_cap(strict, "marie")
    assert capped is not None
    assert capped.details["messages_sent_today"] == 1


async def test_the_budget_manager_checks_records_and_paces(orchestrator, campaign):
    await orchestrator.save_campaign(campaign)
    budget = orchestrator.budget
    assert await budget.check_budget_available(campaign, Channel.SMS) is None

    booking = await budget.record_spend(campaign, Channel.SMS, Decimal("0.995"))
    again = await budget.record_spend(campaign, Channel.SMS, Decimal("0.995"), spend_id=booking)
    assert again == booking

    refused = await budget.check_budget_available(campaign, Channel.SMS)
    assert refused is not None
    assert refused.details["remaining_budget"] == "0.005"
    assert await budget.check_budget_available(campaign, Channel.EMAIL) is None
    with pytest.raises(OverLimitError, match=r"budget_exceeded: .*0\.005"):
        await budget.record_spend(campaign, Channel.SMS, Decimal("0.006"))
    status = await orchestrator.get_orchestration_status(campaign.id)
    assert status["budget"]["budget_spent"] == 0.995
    pacing = await budget.get_budget_pacing_recommendation(campaign)
    assert pacing.recommendation is PaceRecommendation.MAINTAIN_PACE


async def test_pacing_compares_the_spending_with_the_time_that_has_passed(orchestrator, campaign):
    """A hundredth of the time has passed, and half of the money is gone."""
    now = datetime.now(UTC)
    campaign.start_date, campaign.end_date = now - timedelta(days=1), now + timedelta(days=99)
    await orchestrator.save_campaign(campaign)
    await orchestrator.budget.record_spend(campaign, Channel.EMAIL, Decimal("0.5"))

    pacing = await orchestrator.budget.get_budget_pacing_recommendation(campaign)

    assert pacing.recommendation is PaceRecommendation.REDUCE_PACE
    assert (pacing.ideal_spend_pct, pacing.actual_spend_pct) == (0.01, 0.5)


async def test_a_campaign_that_is_not_saved_has_no_budget(orchestrator, campaign):
    budget = orchestrator.budget
    for asked in (
        budget.check_budget_available(campaign, "email"),
        budget.record_spend(campaign, "email", 1),
        budget.get_budget_pacing_recommendation(campaign),
        budget.get_budget_analytics(campaign),
    ):
        with pytest.raises(LookupError, match=f"there is no campaign {campaign.id}"):
            await asked


async def test_the_budget_manager_takes_plain_values_or_names_the_violation(orchestrator, campaign):
    await orchestrator.save_campaign(campaign)
    budget = orchestrator.budget
    assert await budget.check_budget_available(campaign, "email") is None
    booking = await budget.record_spend(campaign, "sms", "0.25", at=NOW, spend_id=str(uuid4()))
    assert isinstance(booking, UUID)
    for asked, said in [
        (budget.check_budget_available(campaign, "fax"), "channel: must be 'email', "),
        (budget.check_budget_available(campaign, "chat"), "channel: chat is not among"),
        (budget.record_spend(campaign, "chat", 1), "channel: chat is not among"),
        (budget.record_spend(campaign, "sms", -1), "amount: must be greater than or equal to 0"),
        (budget.record_spend(campaign, "sms", "much"), "amount: must be a number"),
        (budget.check_budget_available(campaign.id, "sms"), "campaign: must be an OutreachCampai"),
        (budget.check_budget_available(campaign, "sms", at="2096-01-31"), "at: is a day without"),
    ]:
        with pytest.raises(InvalidRequestError, match=f"^{said}"):
            await asked


async def test_the_deduplicator_names_the_violation(orchestrator, campaign):
    deduplicator = orchestrator.deduplicator
    for asked, said in [
        (deduplicator.check_duplicate(campaign.id, "marie"), "campaign: must be an OutreachCampa"),
        (deduplicator.check_duplicate(campaign, "marie", texts="Bread"), "texts: must be a list"),
        (deduplicator.apply_frequency_cap(campaign, 7), "recipient_id: must be a text"),
        (deduplicator.get_safe_channels(campaign, ""), "recipient_id: is empty"),
        (deduplicator.get_safe_channels(campaign, "marie", now="soon"), "now: is no ISO 8601"),
    ]:
        with pytest.raises(InvalidRequestError, match=f"^{said}"):
            await asked


def test_the_router_the_selector_and_the_scheduler_take_plain_values(orchestrator, campaign):
    router, selector, scheduler = (
        orchestrator.router, orchestrator.selector, orchestrator.scheduler,
    )  # fmt: skip
    profile, content = make_profile(), {"default": "Bonjou"}
    assert router.route_message(campaign, profile, content, now=NOW) == "email"
    assert selector.get_channel_recommendations("new")[0] == "email"
    plain = {"customer_type": "new", "device": "mobile", "urgency": "high", "local_hour": 9}
    assert 0 < selector.score("sms", **plain, engagement=None)[1] < 1
    plan = scheduler.get_optimal_send_time(campaign, profile, "email", now=NOW)
    assert plan == scheduler.schedule_batch(campaign, [(profile, "email")], now=NOW)[0]
    for ask, said in [
        (lambda: router.route_message(campaign, {}, content), "profile.contact_info: is missing"),
        (lambda: router.route_message(campaign, profile, {"fax": "x"}), "content.fax"),
        (lambda: router.route_message("spring", profile, content), "campaign: must be an Outrea"),
        (lambda: selector.get_channel_recommendations("vip"), "customer_type: must be 'new', "),
        (
            lambda: selector.score("sms", **{**plain, "device": "watch"}, engagement=None),
            "device: must be 'mobile'",
        ),
        (
            lambda: scheduler.get_optimal_send_time(campaign, profile, "fax"),
            "channel: must be 'email', ",
        ),
        (lambda: scheduler.schedule_batch(campaign, [profile]), "recipients.0: "),
    ]:
        with pytest.raises(InvalidRequestError, match=f"^{said}"):
            ask()


def test_the_router_and_the_selector_choose_without_a_stored_message(orchestrator, campaign):
    profile = RecipientProfile.model_validate(make_profile())
    content = MessageContent.model_validate({"default": "Bonjou"})
    assert orchestrator.router.route_message(campaign, profile, content, now=NOW) == "email"
    decision = orchestrator.router.route_with_fallback(campaign, profile, content, now=NOW)
    assert decision.channel_order() == ["email"]
    assert orchestrator.selector.select_channel(decision.assessments) == "email"
    recommended = orchestrator.selector.get_channel_recommendations(CustomerType.NEW)
    assert recommended == ["email", "chat", "instagram"]


async def test_the_scheduler_plans_spreads_and_looks_back(orchestrator, campaign, tenant_id):
    scheduler = orchestrator.scheduler
    campaign.send_time_optimization = True
    profile = RecipientProfile.model_validate(
        make_profile(customer_type="new", timezone="America/Port-au-Prince")
    )
    plan = scheduler.get_optimal_send_time(campaign, profile, Channel.EMAIL, now=NOW)
    assert plan.scheduled_at == NOW

    plans = scheduler.schedule_batch(campaign, [(profile, Channel.EMAIL)] * 4, now=NOW)
    minutes = [(p.scheduled_at - NOW).total_seconds() / 60 for p in plans]
    assert minutes == [0, 15, 30, 45]

    campaign.send_time_optimization = False
    await _send(orchestrator, campaign, "marie", "Fresh bread")
    cells = await scheduler.get_send_time_analytics(tenant_id)
    assert [(c.channel, c.messages, c.engagement.opens) for c in cells] == [("email", 1, 0)]


async def test_a_message_that_does_not_exist_cannot_be_moved(orchestrator):
    with pytest.raises(LookupError, match="there is no message"):
        await orchestrator.reschedule(uuid4(), NOW)


async def test_a_time_beyond_the_calendar_is_refused(orchestrator):
    with pytest.raises(InvalidRequestError, match="beyond the calendar"):
        await orchestrator.reschedule(
            uuid4(), datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12)))
        )


async def test_the_losers_of_a_race_for_a_key_leave_no_error_behind(orchestrator, campaign, caplog):
    sends = (
        orchestrator.send_outreach(
            campaign, "marie", make_profile(), {"email": "Bread"}, idempotency_key="once"
        )
        for _ in range(20)
    )
    answers = await asyncio.gather(*sends)
    assert len({answer["message_id"] for answer in answers}) == 1
    gc.collect()
    await asyncio.sleep(0)
    assert "never retrieved" not in caplog.text


async def test_a_campaign_that_is_over_stays_over(orchestrator, campaign):
    await orchestrator.save_campaign(campaign)
    control = orchestrator.campaign(campaign.id)
    await control.pause()
    paused = await orchestrator.send_outreach(campaign, "marie", make_profile(), {"email": "Bread"})
    assert paused["reason"] == "campaign_not_active"
    await control.resume()
    await control.cancel()
    await control.cancel()

    with pytest.raises(FinalStatusError, match="cancelled, which is final"):
        await control.resume()
    await orchestrator.save_campaign(campaign)
    assert (await orchestrator.get_campaign(campaign.id)).status is CampaignStatus.CANCELLED


async def test_a_text_too_long_for_its_provider_goes_another_way(orchestrator, campaign):
    profile = make_profile(
        contact_info={"email": "marie@example.com", "phone": "+50937001234"},
        preferences={"preferred_channel": "sms"},
    )
    result = await orchestrator.send_outreach(
        campaign, "marie", profile, {"default": "Bonjou! " * 250}
    )
    record = await orchestrator.get_message(UUID(result["message_id"]))
    assert result["channel"] == "email"
    ruled_out = {a.channel: a.ruled_out for a in record.routing.assessments}
    assert ruled_out[Channel.SMS] == "too_long"
