"""Whether a campaign's workflow stays small, however many it sends to."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from temporalio.client import Client

from madan_sara.contracts.naming import campaign_workflow_id
from madan_sara.devstack.checks.results import CheckResult

#: Events of all runs of a campaign's workflow together.
_MOST_EVENTS: Final = 2_000


@dataclass(frozen=True)
class CampaignHistory:
    """The size of a campaign's history in Temporal."""

    #: Runs, those it continued as included.
    runs: int
    #: Of all runs together.
    events: int


async def read_history(client: Client, tenant_id: UUID, campaign_id: UUID) -> CampaignHistory:
    """Read a campaign's history, run by run."""
    workflow_id = campaign_workflow_id(tenant_id, campaign_id)
    runs = events = 0
    run_id: str | None = (await client.get_workflow_handle(workflow_id).describe()).run_id
    while run_id:
        history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
        runs += 1
        events += len(history.events)
        started = history.events[0].workflow_execution_started_event_attributes
        run_id = started.continued_execution_run_id
    return CampaignHistory(runs, events)


def check_history(history: CampaignHistory) -> CheckResult:
    """A campaign's history must stay short."""
    promise = (
        f"the campaign's workflow has {history.events} events of history in {history.runs} "
        f"run{'s' if history.runs > 1 else ''}, less than {_MOST_EVENTS}"
    )
    if history.events < _MOST_EVENTS:
        return CheckResult(promise)
    return CheckResult(promise, [f"it has {history.events}"])
