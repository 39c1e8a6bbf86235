"""Outages in the middle of a campaign: their moments, and their checks."""

import asyncio
from dataclasses import replace
from io import StringIO
from unittest.mock import Mock

import pytest
from rich.console import Console

from madan_sara.contracts.channels import Channel
from madan_sara.devstack.beside import beside
from madan_sara.devstack.campaign.audience import Person, make_audience
from madan_sara.devstack.campaign.outages import (
    Outages,
    check_no_tries_used_up,
    check_unmoved,
    lasts_at_least,
    slowly_enough,
)
from madan_sara.devstack.campaign.scenarios import REACHED_WITH_A_SPARE, SCENARIOS
from madan_sara.devstack.campaign.watch import Sample, Watch
from tests.unit.devstack.records import BLOCKED, SENT, attempt, campaign, records

REFUSED = next(scenario for scenario in SCENARIOS if scenario.name == "refused everywhere")
MARIE = Person(REACHED_WITH_A_SPARE, {"id": "marie"}, Channel.SMS)
JEAN = Person(REFUSED, {"id": "jean"}, None)
#: Too short to be seen.
AT_ONCE = 0.001


class Provider:
    """Notes when it is away."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.gone, self.returned = asyncio.Event(), asyncio.Event()

    async def go_away(self) -> None:
        self.noted.append("away")
        self.gone.set()

    async def come_back(self) -> None:
        self.noted.append("back")
        self.returned.set()


def watch(*done: int, total: int = 100) -> Watch:
    looks = Watch(Mock(), Mock(), Console())
    looks.samples = [Sample(float(n), seen, total, 0, 0.001) for n, seen in enumerate(done)]
    return looks


async def test_each_is_away_in_turn_and_comes_back():
    mail, sandbox, shown = Provider(), Provider(), Console(file=StringIO(), record=True)
    outages = Outages([("mail", mail), ("sandbox", sandbox)], AT_ONCE, shown)
    async with beside(outages.happen(watch(20))):
        await sandbox.returned.wait()
    assert mail.noted == sandbox.noted == ["away", "back"]
    assert outages.check_happened().violations == []
    assert "mail is away for 0.001 s" in shown.export_text()


async def test_none_is_away_before_the_middle():
    mail = Provider()
    outages = Outages([("mail", mail)], AT_ONCE, Console(quiet=True))
    async with beside(outages.happen(watch(19))):
        for _ in range(10):
            await asyncio.sleep(0)
    assert mail.noted == []
    assert outages.check_happened().violations == ["mail: the campaign was over before it was back"]


async def test_one_that_outlasts_the_campaign_comes_back_and_shows_nothing():
    mail = Provider()
    outages = Outages([("mail", mail)], 3600, Console(quiet=True))
    async with beside(outages.happen(watch(20))):
        await mail.gone.wait()
    assert mail.noted == ["away", "back"]
    assert outages.check_happened().violations == ["mail: the campaign was over before it was back"]


def test_a_message_that_was_moved_to_another_channel():
    first = replace(attempt(SENT, "not_sent"), channel="email")
    second = replace(attempt(SENT, "accepted"), attempt_no=2)
    moved = replace(records(), attempts=[first, second])
    assert check_unmoved(records(), campaign(), [MARIE]).violations == []
    assert check_unmoved(moved, campaign(), [MARIE]).violations == [
        "marie (reached at once, with a dearer channel to spare): by email then sms"
    ]


def test_a_message_that_never_took_the_channel_it_was_planned_for():
    by_sms = check_unmoved(records(), campaign(), [replace(MARIE, carried_by=Channel.EMAIL)])
    assert len(by_sms.violations) == 1


def test_a_second_try_that_only_the_outage_explains():
    twice = [
        replace(attempt(SENT, "accepted"), tries=2),
        replace(attempt(BLOCKED, "refused"), tries=3),
    ]
    tried = replace(records(), attempts=twice)
    assert check_no_tries_used_up(records(), campaign(), [MARIE, JEAN]).violations == []
    assert check_no_tries_used_up(tried, campaign(), [MARIE, JEAN]).violations == [
        "marie (reached at once, with a dearer channel to spare): 2 tries by sms"
    ]


def test_the_audience_has_dearer_channels_to_spare_and_lasts_through_both_outages():
    people = make_audience(400, 1, REACHED_WITH_A_SPARE)
    spared = [person for person in people if person.scenario is REACHED_WITH_A_SPARE]
    assert len(spared) > 200
    for person in spared:
        assert person.carried_by == person.row["preferred_channel"]
    limits = slowly_enough(people, 60)
    assert lasts_at_least(60) > 2 * 60
    for channel, a_second in limits.items():
        carried = sum(person.carried_by == channel for person in people)
        assert a_second == pytest.approx(carried / lasts_at_least(60))
