"""The steps of a campaign, each one activity."""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from madan_sara.activities.campaign import CampaignManager
    from madan_sara.activities.dispatcher import CampaignDispatcher
    from madan_sara.contracts.campaign_run import (
        CampaignRef,
        CommandInput,
        CommandResult,
        DispatchInput,
        DispatchResult,
        EvaluationInput,
        EvaluationResult,
        RequeueInput,
        Sweep,
        SweepInput,
        SweepResult,
    )
    from madan_sara.workflows.options import LONG_STEP
    from madan_sara.workflows.patience import run_step


class CampaignSteps:
    """The steps of one campaign.

    Args:
        ref: the campaign.
    """

    def __init__(self, ref: CampaignRef) -> None:
        self._ref = ref

    async def evaluate(
        self, requeued_at_micros: int | None, heard_event_no: int
    ) -> EvaluationResult:
        """Read the campaign's state, and decide its next step."""
        return await run_step(
            CampaignManager.evaluate_campaign,
            EvaluationInput(
                ref=self._ref,
                now=workflow.now(),
                requeued_at_micros=requeued_at_micros,
                heard_event_no=heard_event_no,
            ),
            "Look where the campaign stands",
        )

    async def dispatch(
        self, at_most: int, first_number: int, *, only_taken: bool
    ) -> DispatchResult:
        """Start the next recipients."""
        which = "recipients that were taken already" if only_taken else "recipients"
        return await workflow.execute_activity_method(
            CampaignDispatcher.dispatch_batch,
            DispatchInput(
                ref=self._ref,
                at_most=at_most,
                first_sequence_number=first_number,
                only_taken=only_taken,
            ),
            summary=f"Start up to {at_most} {which}",
            **LONG_STEP,
        )

    async def requeue(self) -> None:
        """Queue recipients again for whom a limit had no room."""
        await run_step(
            CampaignManager.requeue_recipients,
            RequeueInput(ref=self._ref),
            "Let those in again that a limit had no room for",
        )

    async def sweep(self, sweep: Sweep) -> SweepResult:
        """End many messages unsent."""
        return await workflow.execute_activity_method(
            CampaignManager.sweep_campaign,
            SweepInput(ref=self._ref, sweep=sweep, now=workflow.now()),
            summary=f"Close what was not sent: {sweep.reason}",
            **LONG_STEP,
        )

    async def carry_out(self, kind: str, **changes: Any) -> CommandResult:  # noqa: ANN401 - fields
        """Change the campaign, and note it.

        Raises:
            ApplicationError: the command is refused; it says why.
        """
        return await run_step(
            CampaignManager.carry_out_command,
            CommandInput(ref=self._ref, now=workflow.now(), kind=kind, **changes),
            kind.replace("_", " "),
        )
