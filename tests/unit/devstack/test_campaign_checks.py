"""The checks of a campaign to many, beside those of its records."""

from dataclasses import replace
from io import StringIO
from unittest.mock import Mock

import pytest
from rich.console import Console

from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.content import MessageContent
from madan_sara.devstack.campaign.audience import Person
from madan_sara.devstack.campaign.figures import check_memory, figures
from madan_sara.devstack.campaign.outcomes import (
    check_money_ran_out,
    check_scenarios,
    outcome_table,
)
from madan_sara.devstack.campaign.scenarios import NO_PROVIDER_TOOK_IT, REACHED, Scenario
from madan_sara.devstack.campaign.watch import Sample, Watch
from madan_sara.devstack.checks.history import CampaignHistory
from tests.unit.devstack.records import BLOCKED, TEXTS, campaign, message, records, with_message

_REFUSED = Scenario("refused everywhere", 0.1, [], frozenset({NO_PROVIDER_TOOK_IT}))


def _people(*, jean: Scenario = _REFUSED) -> list[Person]:
    return [Person(REACHED, {"id": "marie"}, None), Person(jean, {"id": "jean"}, None)]


def test_every_message_must_end_as_its_scenario_demands():
    assert check_scenarios(records(), campaign(), _people()).violations == []
    assert check_scenarios(records(), campaign(), _people(jean=REACHED)).violations == [
        "jean (reached at once) ended failed (all_channels_failed)"
    ]


def test_lack_of_money_excuses_a_person_but_not_a_whole_scenario():
    poor = with_message(message(BLOCKED, "jean", "blocked", reason="budget_exceeded"))
    assert check_scenarios(poor, campaign(), _people()).violations == [
        "no person met this: refused everywhere"
    ]
    assert check_scenarios(poor, campaign(), _people(jean=REACHED)).violations == []


def test_a_person_without_any_message_is_missed():
    empty = replace(records(), messages={})
    violations = check_scenarios(empty, campaign(), _people()).violations
    assert "marie (reached at once) ended nowhere" in violations


def test_the_money_must_have_run_out():
    poor = with_message(message(BLOCKED, "jean", "blocked", reason="budget_exceeded"))
    accounts = records().accounts
    texts = accounts[TEXTS]
    used_up = replace(poor, accounts={**accounts, TEXTS: replace(texts, limit_micros=9_999)})
    left = replace(records(), accounts={**accounts, TEXTS: replace(texts, limit_micros=10_000)})
    exhausted = CampaignStatus.BUDGET_EXHAUSTED
    assert check_money_ran_out(used_up, campaign(), exhausted).violations == []
    assert check_money_ran_out(left, campaign(), CampaignStatus.COMPLETED).violations == [
        "the campaign ended completed",
        "no message ended for lack of money",
        "0.005 of the budget of sms is left",
    ]


def test_money_for_fewer_segments_than_a_text_message_has_pays_for_none():
    poor = with_message(message(BLOCKED, "jean", "blocked", reason="budget_exceeded"))
    accounts = records().accounts
    short = replace(accounts[TEXTS], limit_micros=14_999)
    left = replace(poor, accounts={**accounts, TEXTS: short})
    long = campaign().model_copy(update={"templates": MessageContent({"sms": "a" * 161})})
    exhausted = CampaignStatus.BUDGET_EXHAUSTED
    assert check_money_ran_out(left, long, exhausted).violations == []
    assert check_money_ran_out(left, campaign(), exhausted).violations == [
        "0.009999 of the budget of sms is left"
    ]


@pytest.mark.parametrize(("last_bytes", "violations"), [(120, 0), (126, 1)])
def test_memory_that_grows_with_the_audience(last_bytes, violations):
    watch = _watch([(1, 400, 90), (2, 600, 100), (10, 10_000, last_bytes)])
    (result,) = check_memory(watch)
    assert len(result.violations) == violations


def test_a_small_audience_says_nothing_about_memory():
    watch = _watch([(1, 10, 90), (2, 100, 200)])
    assert check_memory(watch) == []


def test_the_figures_and_the_table_of_outcomes():
    watch = _watch([(0, 0, 10_000_000), (1, 10, 10_000_000), (10, 50, 20_000_000)])
    console = Console(width=120, record=True, file=StringIO())
    console.print(figures(watch, CampaignHistory(runs=1, events=40)))
    console.print(outcome_table(records(), campaign()))
    shown = console.export_text()
    for expected in ("10 / 10 / 20 MB", "│ 5.0", "│ 10.0", "40 events in 1 run(s)"):
        assert expected in shown
    assert "failed: all_channels_failed │   1 │" in shown


def _watch(samples: list[tuple[float, int, int]]) -> Watch:
    watch = Watch(Mock(), Mock(), Console())
    total = samples[-1][1]
    watch.samples = [Sample(at, done, total, size, 0.001) for at, done, size in samples]
    return watch
