"""A campaign's forecast agrees with its steps, in every state."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from madan_sara.contracts.campaign import Campaign, CampaignStatus
from madan_sara.contracts.campaign_run import WaitReason
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.instants import start_of_day
from madan_sara.contracts.money import to_micros
from madan_sara.contracts.settings import OrchestratorSettings, QuietHours
from madan_sara.persistence.campaign_status import CampaignSnapshot
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.campaign_days import campaign_day, campaign_zone, start_of_next_day
from madan_sara.policy.campaign_progress import CampaignFacts, can_start, next_step
from madan_sara.policy.forecast import RecentSends, prospects
from madan_sara.policy.message_price import listed_price
from madan_sara.policy.tallies import Tallies, Tally, TallyKind
from madan_sara.policy.zones import next_allowed
from madan_sara.starter.campaign_status import campaign_status
from tests.unit.policy.builders import NOW, campaign

CENT = 10_000
HOUR = timedelta(hours=1)


@st.composite
def states(draw: st.DrawFn) -> tuple[CampaignFacts, datetime]:
    """A campaign by text message, a cent a segment, somewhere in the middle of its days."""
    now = NOW + draw(st.integers(0, 47)) * HOUR
    small = st.integers(0, 12)
    limits = st.none() | st.integers(0, 12)
    spend, budget = draw(limits), draw(st.none() | st.integers(0, 60))
    its = campaign(
        channels=["sms"],
        templates={"sms": "a" * draw(st.sampled_from([1, 161, 459])) + "{{ name }}"},
        settings=OrchestratorSettings(
            prices={"sms": Decimal("0.01")},
            quiet_hours=draw(st.sampled_from([None, QuietHours()])),
        ),
        daily_limit=draw(limits),
        daily_spend_limit=None if spend is None else Decimal(spend) / 100,
        timezone=draw(st.sampled_from(["America/Port-au-Prince", "Asia/Tokyo", "Africa/Cairo"])),
        status=draw(st.sampled_from([*[CampaignStatus.ACTIVE] * 5, *CampaignStatus])),
        start_date=NOW + draw(st.integers(-48, 48)) * HOUR,
        end_date=draw(st.none() | st.integers(-10, 400).map(lambda hours: NOW + hours * HOUR)),
    )
    today = campaign_day(its, now)
    booked = draw(st.dictionaries(st.integers(-1, 4), small, max_size=4))
    days = [
        Account(
            AccountScope.DAY, (today + timedelta(n)).isoformat(), None, m * _price(its), 0, None, m
        )
        for n, m in booked.items()
    ]
    whole = Account(
        AccountScope.CAMPAIGN, "", None if budget is None else budget * CENT, 0, 0, None, 0
    )
    scheduled = sum(m for n, m in booked.items() if n > 0)
    counts = {"queued": draw(small), "deciding": draw(st.integers(0, 3)), "scheduled": scheduled}
    tallies = Tallies([Tally(TallyKind.STATE, name, "", "", n) for name, n in counts.items()])
    facts = CampaignFacts.at(
        now, its, tallies, [whole, *days], daily_share=draw(st.none() | st.integers(0, 12))
    )
    return facts, now


def _played(facts: CampaignFacts, now: datetime) -> date | None:
    """The last day something is sent on when the campaign does step after step; None: never ends.

    Each recipient is planned for the first moment its campaign's clock allows.
    """
    its = facts.campaign
    counts = {date.fromisoformat(a.key): a.message_count for a in facts.accounts if a.key}
    waiting = facts.by_state.get("queued", 0) + facts.by_state.get("deciding", 0)
    budget, price = facts.whole, _price(its)
    now = max(now, its.start_date)
    for _ in range(60):
        today = campaign_day(its, now)
        step = next_step(
            replace(
                facts,
                by_state={"queued": waiting},
                accounts=[budget, *(_day(day, count, price) for day, count in counts.items())],
                today=today,
            ),
            now,
        )
        if step.dispatch is None:
            if not waiting:
                return max((d for d, n in counts.items() if n), default=today)
            now = start_of_next_day(its, now)
            continue
        sent_at = next_allowed(now, campaign_zone(its), its.settings.quiet_hours)
        sent_on = campaign_day(its, sent_at)
        counts[sent_on] = counts.get(sent_on, 0) + step.dispatch
        waiting -= step.dispatch
        if budget.limit_micros is not None:
            budget = replace(budget, spent_micros=budget.spent_micros + step.dispatch * price)
    return None


def _day(day: date, count: int, price: int) -> Account:
    return Account(AccountScope.DAY, day.isoformat(), None, count * price, 0, None, count)


def _price(its: Campaign) -> int:
    """The price of its text, as long as its name is short."""
    return listed_price(its, Channel.SMS)


def _pays_for_one_a_day(its: Campaign) -> bool:
    return its.daily_spend_limit is None or to_micros(its.daily_spend_limit) >= _price(its)


@given(state=states())
def test_a_forecast_is_the_day_on_which_the_steps_of_the_campaign_end(state):
    facts, now = state
    facts = replace(facts, campaign=facts.campaign.model_copy(update={"end_date": None}))
    finish = prospects(facts, 1.0, now).finish_at
    budget = facts.whole.remaining_micros
    waiting = sum(facts.by_state.get(name, 0) for name in ("queued", "deciding"))
    unpaid = not _pays_for_one_a_day(facts.campaign) or (
        budget is not None and budget < waiting * _price(facts.campaign)
    )
    if finish is None or unpaid:
        return
    last = _played(facts, now)
    assert last is not None
    zone = campaign_zone(facts.campaign)
    begin = campaign_day(facts.campaign, max(now, facts.campaign.start_date))
    assert finish >= start_of_day(max(last, begin), zone)
    # At one message a minute no day here is longer than its messages.
    assert campaign_day(facts.campaign, finish) <= max(last, begin) + timedelta(days=1)


@given(state=states(), rate=st.none() | st.floats(0.01, 100))
def test_a_forecast_is_never_earlier_than_the_limits_allow(state, rate):
    facts, now = state
    finish = prospects(facts, rate, now).finish_at
    if finish is None:
        return
    its = facts.campaign
    assert its.status is CampaignStatus.ACTIVE
    assert its.end_date is None or finish <= its.end_date
    assert finish >= now
    if finish == its.end_date:
        return
    # Filled as full as the accounts themselves would bear it, day after day.
    waiting = sum(facts.by_state.get(name, 0) for name in ("queued", "deciding"))
    budgets = (facts.whole.remaining_micros, None if _pays_for_one_a_day(its) else 0)
    waiting = min([waiting, *(budget // _price(its) for budget in budgets if budget is not None)])
    day = campaign_day(its, max(now, its.start_date))
    while its.daily_limit and waiting > 0:
        account = facts.days_ahead.get(day)
        waiting -= max(its.daily_limit - (account.message_count if account else 0), 0)
        if waiting <= 0:
            break
        day += timedelta(days=1)
    assert finish >= start_of_day(day, campaign_zone(its)) or day == campaign_day(its, now)


@given(state=states(), is_started=st.booleans())
def test_the_figures_of_a_status_agree_with_each_other(state, is_started):
    facts, now = state
    tallies = Tallies([Tally(TallyKind.STATE, n, "", "", m) for n, m in facts.by_state.items()])
    status = campaign_status(
        CampaignSnapshot(
            campaign=facts.campaign,
            daily_share=facts.daily_share,
            is_started=is_started,
            accounts=facts.accounts,
            tallies=tallies,
            recent=RecentSends(count=0, since=None, first_ever=None),
            events=[],
        ),
        now,
    )
    day, step = status["daily_limit"], next_step(facts, now)
    assert day["can_send"] is can_start(facts, now)
    assert 0 <= day["messages_sent_today"] <= status["messages_ahead"]
    if day["can_send"]:
        assert status["campaign_status"] == "active"
        assert day["remaining_today"] is None or day["remaining_today"] > 0
    if step.wait is not None and step.wait.reason is not WaitReason.OUTCOMES:
        assert not day["can_send"]
    if step.dispatch is not None:
        assert day["can_send"]
    if not is_started and status["by_state"].get("queued"):
        assert status["expected_finish_at"] is None
    assert status["total_messages"] == sum(status["by_state"].values())
