"""Stored histories replay on today's workflow code.

A failure here means that outreaches and campaigns asleep right now would break when the
worker is updated: guard the change with `workflow.patched`. The histories were
recorded with `python -m tests.replay.record`; add to them, never replace one.
"""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from madan_sara.workflows.campaign import CampaignWorkflow
from madan_sara.workflows.outreach import OutreachWorkflow

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))


def test_histories_are_there():
    assert len(HISTORIES) >= 5


@pytest.mark.parametrize(
    "history",
    [WorkflowHistory.from_json(path.stem, path.read_text()) for path in HISTORIES],
    ids=lambda history: history.workflow_id,
)
async def test_a_stored_history_replays(history: WorkflowHistory):
    replayer = Replayer(
        workflows=[OutreachWorkflow, CampaignWorkflow], data_converter=pydantic_data_converter
    )
    await replayer.replay_workflow(history)
