"""Watching a campaign, each look scripted."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from madan_sara.cli.watching import watch
from madan_sara.policy.tallies import Tallies, Tally, TallyKind
from madan_sara.starter.campaign_status import CampaignStatusResult, campaign_status
from tests.unit.starter.test_campaign_status import ID, NOW, snapshot


def look(status: str, sent: int) -> CampaignStatusResult:
    tallies = Tallies([Tally(TallyKind.STATE, "sent", "", "sms", sent)])
    result = campaign_status(snapshot(tallies=tallies), NOW)
    result["campaign_status"] = status
    return result


async def watched(*looks: CampaignStatusResult, as_json: bool = False) -> None:
    """Watch a campaign that looks like this, one time after the other."""
    left: Iterator[CampaignStatusResult] = iter(looks)

    async def get_orchestration_status(_: object) -> CampaignStatusResult:
        return next(left)

    orchestrator: Any = SimpleNamespace(get_orchestration_status=get_orchestration_status)
    reply = await watch(str(ID), interval_seconds=0, as_json=as_json)(orchestrator)
    assert reply.view is None
    assert next(left, None) is None


async def test_only_changes_are_reported_and_the_end_ends_it(capsys):
    active, more = look("active", 1), look("active", 2)
    # The rate is another each time: no news by itself.
    again = look("active", 1)
    again["rate_per_minute"] = 7.0
    await watched(active, again, more, more, look("budget_exhausted", 2))
    lines = [line.partition(" UTC ")[2] for line in capsys.readouterr().out.splitlines()]
    assert [line[: line.index(" with")] for line in lines] == [
        "active; 1 of 1",
        "active; 2 of 2",
        "budget_exhausted; 2 of 2",
    ]


async def test_programs_get_a_document_a_line(capsys):
    await watched(look("active", 1), look("active", 1), look("expired", 1), as_json=True)
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [document["campaign_status"] for document in documents] == ["active", "expired"]
