"""A campaign's figures as a person at a terminal, or at the end of a pipe, reads them."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console, RenderableType

from madan_sara.cli.campaign_views import analytics_view, campaign_view
from madan_sara.cli.watching import picture, status_line
from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.campaign_run import Wait, WaitReason
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.returns import CampaignBalances, analyse
from madan_sara.starter.campaign_status import CampaignStatusResult, campaign_status
from tests.unit.starter.test_campaign_status import ID, NOW, snapshot


def shown(view: RenderableType) -> str:
    """The text on a terminal of 80 columns, spaces closed up."""
    out = io.StringIO()
    Console(file=out, width=80, highlight=False, markup=False).print(view)
    return "\n".join(" ".join(line.split()) for line in out.getvalue().splitlines())


@pytest.fixture
def status() -> CampaignStatusResult:
    wake_at = datetime(2026, 11, 24, 5, tzinfo=UTC)
    wait = Wait(reason=WaitReason.OUTCOMES, until=wake_at)
    return campaign_status(snapshot(wait=wait), NOW)


def test_the_picture_shows_bars_counts_and_prospects(status):
    rendered = shown(picture(status))
    assert f"Campaign Spring ({ID}): active" in rendered
    assert "463 of 666 done" in rendered
    assert "234.56 spent, 1.5 held of 1000" in rendered
    assert "45 of 60 messages" in rendered
    assert rendered.count("━") > 40
    assert "outcomes 450 sent, 2 unknown, 1 failed (1 no viable channel), 5 cancelled" in rendered
    assert "under way 200 queued, 3 scheduled" in rendered
    assert "email 430 0 442 198 67 34.56" in rendered
    assert "rate 10 messages a minute" in rendered
    assert "finish expected 2026-11-27 05:02 UTC" in rendered
    assert "waits for the outcomes of those asleep or on their way; looks again" in rendered


def test_a_campaign_whose_workflow_is_gone_does_not_seem_to_wait(status):
    rendered = " ".join(shown(campaign_view(status, lost="was terminated")).split())
    assert "waits for" not in rendered
    assert f"workflow was terminated; `madan-sara campaign start {ID}` goes on" in rendered


def test_a_campaign_without_limits_or_recipients_has_no_bars(status):
    status["total_messages"] = 0
    status["budget"]["budget_total"] = None
    status["daily_limit"]["daily_limit"] = status["messages_a_day"] = None
    rendered = shown(picture(status))
    assert "━" not in rendered
    assert "budget 234.56 spent, 1.5 held" in rendered
    assert "today 45 messages" in rendered


def test_a_line_says_it_all(status):
    assert status_line(status).partition(" UTC ")[2] == (
        "active; 463 of 666 with an outcome; 450 sent, 2 unknown, 1 failed (1 no viable "
        "channel), 5 cancelled, "
        "5 blocked (3 duplicate, 2 suppressed); under way: 200 queued, 3 scheduled; "
        "234.56 spent, 1.5 held; 10 messages a minute; finish expected 2026-11-27 05:02 UTC; "
        "waits for the outcomes of those asleep or on their way; looks again 2026-11-24 05:00 UTC"
    )


def test_a_campaign_that_paces_itself_has_one_figure_of_a_day():
    facts = snapshot()
    paced = facts.campaign.model_copy(update={"auto_pacing": True})
    status = campaign_status(replace(facts, campaign=paced), NOW)
    assert status["messages_a_day"] == status["pacing"]["suggested_daily_messages"] == 60
    assert status["daily_limit"]["remaining_today"] == 60 - 52
    assert status["pacing"]["recommendation"] == "maintain_pace"
    view = shown(campaign_view(status))
    assert "today 45 of 60, chosen by auto pacing within 100" in view
    assert "45 of 60 messages" in shown(picture(status))
    assert "daily share" not in view
    assert "suggested a day" not in view
    # Only people can help where their own limit is in the way.
    status = campaign_status(replace(facts, campaign=paced, daily_share=100), NOW)
    assert status["pacing"]["recommendation"] == "increase_pace"
    suggested = "suggested a day 130 messages a day would use the budget up by the end"
    assert suggested in shown(campaign_view(status))


def test_messages_are_not_called_recipients(status):
    for view in (picture(status), campaign_view(status)):
        assert "recipients" not in shown(view)


def test_recipients_not_reached_are_reported_with_the_reason(status):
    poor = snapshot(accounts=[Account(AccountScope.CAMPAIGN, "", 1_000_000, 0, 910_000, None, 0)])
    short = campaign_status(poor, NOW)
    said = "110 of 666 will not be reached: the budget is used up"
    assert short["not_reached"] == {
        "messages": 110,
        "reasons": {"budget_exceeded": 110},
        "explanation": said,
    }
    for view in (picture(short), campaign_view(short)):
        assert f"not reached {said}" in " ".join(shown(view).split())
    assert f"; {said}; " in status_line(short) + "; "
    assert "not reached" not in shown(campaign_view(status))
    # Not known before its start.
    assert campaign_status(replace(poor, is_started=False), NOW)["not_reached"] is None


def test_both_reasons_for_not_being_reached_are_reported_apart():
    facts = snapshot()
    short = facts.campaign.model_copy(update={"end_date": NOW + timedelta(days=2)})
    poor = Account(AccountScope.CAMPAIGN, "", 1_000_000, 0, 910_000, None, 0)
    status = campaign_status(replace(facts, campaign=short, accounts=[poor], daily_share=20), NOW)
    assert status["not_reached"] is not None
    assert status["not_reached"]["explanation"] == (
        "160 of 666 will not be reached: for 110 the budget is used up, for 50 the campaign ends"
    )


def test_a_status_asked_for_once_shows_the_latest_events(status):
    rendered = " ".join(shown(campaign_view(status)).split())
    assert "spent 234.56 of 1000 (23.46 %)" in rendered
    assert "today 45 of 60, chosen by auto pacing within 100; 7 planned for later days" in rendered
    assert "2026-11-24 02:00 UTC limits set: daily_limit 100" in rendered


def test_a_campaign_with_recipients_that_was_not_started_says_how(status):
    waiting = campaign_status(snapshot(is_started=False), NOW)
    said = f"waits for its start: saved and imported, not started; `madan-sara campaign start {ID}`"
    assert said in " ".join(shown(campaign_view(waiting)).split())
    assert said in status_line(waiting)
    ended = snapshot().campaign.with_status(CampaignStatus.CANCELLED)
    cancelled = snapshot(is_started=False, campaign=ended)
    assert "not started" not in status_line(campaign_status(cancelled, NOW))


def test_a_note_cannot_steer_the_terminal(status):
    status["last_events"][0]["details"] = {"reason": "\x1b[2J"}
    assert "reason ?[2J" in shown(campaign_view(status))


def test_the_analytics_fit_a_terminal_of_80_columns():
    facts = snapshot()
    rendered = shown(
        analytics_view(analyse(facts.campaign, CampaignBalances(facts.accounts, facts.tallies)))
    )
    assert "email 34.56 430 0.080372 0.078190 -" in rendered
    assert "sms 0 0 1 5 -97.50 %" in rendered
    assert "total 442 0 1 5 -97.87 %" in rendered
