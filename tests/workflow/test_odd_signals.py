"""Signals sent by hand with inputs that nothing was made for."""

import logging
from datetime import timedelta

import pytest

from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.campaign_run import CampaignInput, CampaignRef
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.naming import CAMPAIGN_QUEUE, campaign_workflow_id
from madan_sara.contracts.outreach import OutreachState
from madan_sara.workflows.campaign import CampaignWorkflow
from tests.audience import queue
from tests.fakes.sender import ScriptedSender
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign

#: The history has it as its sender wrote it; nothing of ours repeats it.
ROSALIE = "rosalie@shop.test said no"


@pytest.fixture
def heard(caplog):
    """The warnings of odd signals; no other line of the log may repeat their content."""
    caplog.set_level(logging.INFO)
    yield lambda: [r.getMessage() for r in caplog.records if "cannot be used" in r.getMessage()]
    assert "rosalie" not in caplog.text
    assert "Traceback" not in caplog.text
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    ("inputs", "violation"),
    [
        ([{"reason": 5}], "invalid or missing: reason"),
        ([{"reason": [ROSALIE]}], "invalid or missing: reason"),
        ([ROSALIE], "its input is no object"),
        ([None], "its input is no object"),
        ([{"reason": "rain"}, ROSALIE], "it has 2 inputs instead of one object"),
        ([], None),
        ([{"reason": "rain", "by": ROSALIE}], None),
    ],
)
async def test_a_cancel_is_obeyed_with_any_input(
    stage, database, tenant_id, heard, inputs, violation
):
    handle = await _begun_campaign(stage, database, tenant_id)

    await handle.signal("cancel", args=inputs)

    assert (await handle.result()).status is CampaignStatus.CANCELLED
    await assert_nothing_left_behind(database, tenant_id)
    expected = (
        [] if violation is None else [f"input of the signal cancel cannot be used: {violation}"]
    )
    assert [line.split(" (")[0] for line in heard()] == expected
    events = (await handle.query(CampaignWorkflow.status)).last_events
    (cancelled,) = [e for e in events if e.details.get("reason")]
    given = isinstance(inputs[0], dict) and violation is None if inputs else False
    assert cancelled.details["reason"] == ("rain" if given else "no reason given")


async def test_signals_without_input_are_heard_with_one(stage, database, tenant_id, heard):
    handle = await _begun_campaign(stage, database, tenant_id)

    for name in ("pause", "resume", "campaign_changed"):
        await handle.signal(name, args=[ROSALIE, {"why": ROSALIE}])
    await handle.signal("cancel")

    assert (await handle.result()).status is CampaignStatus.CANCELLED
    kinds = [e.kind for e in (await handle.query(CampaignWorkflow.status)).last_events]
    assert {"paused", "resumed", "cancelled"} <= set(kinds)
    assert len(heard()) == 3


async def test_an_invalid_receipt_is_refused_in_words_and_harms_nothing(stage, tenant_id, heard):
    campaign = make_campaign(tenant_id, channels=["email"], settings={"receipt_wait_minutes": 600})
    await stage.cast({Channel.EMAIL: ScriptedSender()})
    handle = await stage.start(campaign)
    at = (await stage.now()).isoformat()
    good = {"attempt_no": 1, "kind": "bounced", "occurred_at": at}
    for inputs in (
        [{**good, "kind": ROSALIE}],
        [{"kind": ROSALIE}],
        [{**good, "code": {"rosalie": ROSALIE}}],
        [ROSALIE],
        [],
        [good, ROSALIE],
    ):
        await handle.signal("delivery_event", args=inputs)

    assert (await handle.result()).state is OutreachState.SENT
    assert len(heard()) == 6
    assert "invalid or missing: attempt_no, kind, occurred_at" in heard()[1]


async def _begun_campaign(stage, database, tenant_id):
    start = await stage.now() + timedelta(days=3)
    campaign = make_campaign(
        tenant_id, channels=["email"], templates={"email": "Bonjour"}, start_date=start
    )
    await stage.cast({Channel.EMAIL: ScriptedSender()})
    await stage.save(campaign)
    await queue(database, campaign, [])
    return await stage.client.start_workflow(
        CampaignWorkflow.run,
        CampaignInput(ref=CampaignRef(tenant_id=campaign.tenant_uuid, campaign_id=campaign.id)),
        id=campaign_workflow_id(campaign.tenant_uuid, campaign.id),
        task_queue=CAMPAIGN_QUEUE,
    )
