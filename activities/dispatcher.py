"""Starting a campaign's outreaches."""

import asyncio
from datetime import timedelta
from typing import Final
from uuid import UUID

from temporalio import activity

from madan_sara.activities.campaign_stores import CampaignRunStore, OutreachStarter, TakenPage
from madan_sara.contracts.campaign_run import CampaignRef, DispatchInput, DispatchResult
from madan_sara.contracts.outreach import MessageRef

#: Started between two looks at the campaign's state.
_PAGE: Final = 25
#: Starts under way at once.
_AT_ONCE: Final = 8
#: Messages being decided or handed over at which a dispatch waits. More would make no campaign
#: faster, but would delay the first tasks of a server on two cores.
MOST_IN_MOTION: Final = 40
_LOOK_AGAIN: Final = timedelta(milliseconds=100)
#: How long it waits for room. Stuck messages may slow a campaign down, but must not stop it.
_LONGEST_WAIT: Final = timedelta(seconds=20)


class CampaignDispatcher:
    """Starts the recipients of campaigns, as fast as they are carried and no faster.

    Args:
        runs: campaigns as they run.
        outreaches: the workflows it starts.
        most_in_motion: messages of a campaign being decided or handed over at once.
    """

    def __init__(
        self,
        runs: CampaignRunStore,
        outreaches: OutreachStarter,
        *,
        most_in_motion: int = MOST_IN_MOTION,
    ) -> None:
        self._runs = runs
        self._outreaches = outreaches
        self._most_in_motion = most_in_motion

    @activity.defn
    async def dispatch_batch(self, request: DispatchInput) -> DispatchResult:
        """Start the next recipients of a campaign's queue.

        A recipient leaves the queue when its workflow has started, not before: after a kill, the
        next run takes the page again, and leaves started recipients alone. Ends early when the
        campaign is paused, over, or has no recipient left to start.
        """
        done = _progress(request)
        while done.started < request.at_most:
            await self._wait_for_room(request.ref, done)
            page = await self._runs.take(
                request.ref,
                min(_PAGE, request.at_most - done.started),
                only_taken=request.only_taken,
            )
            if not page.message_ids:
                break
            started = await self._start(request.ref, page, done.next_sequence_number)
            if not started:
                break
            await self._runs.started(request.ref, started)
            done = DispatchResult(
                started=done.started + len(started),
                next_sequence_number=done.next_sequence_number + len(page.message_ids),
            )
            _heartbeat(done)
        return done

    async def _start(self, ref: CampaignRef, page: TakenPage, first_number: int) -> list[UUID]:
        """Start a page, some at a time; those that were not running yet.

        The first failure is raised once all are done. A recipient whose workflow runs already
        stays in the queue: it may be an earlier run about to end, its recipient put back.
        """
        free = asyncio.Semaphore(_AT_ONCE)

        async def start(message_id: UUID, number: int) -> bool:
            async with free:
                message = MessageRef(tenant_id=ref.tenant_id, message_id=message_id)
                return await self._outreaches.start(message, page.campaign, number)

        starts = (start(m, number) for number, m in enumerate(page.message_ids, first_number))
        answers = await asyncio.gather(*starts, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [m for m, is_new in zip(page.message_ids, answers, strict=True) if is_new]

    async def _wait_for_room(self, ref: CampaignRef, done: DispatchResult) -> None:
        """Wait until few enough messages are on their way, though not for ever."""
        looks = _LONGEST_WAIT // _LOOK_AGAIN
        for _ in range(looks):
            if await self._runs.in_motion(ref) < self._most_in_motion:
                return
            _heartbeat(done)
            await asyncio.sleep(_LOOK_AGAIN.total_seconds())


def _heartbeat(done: DispatchResult) -> None:
    """Say that the dispatch lives, and how far the next run need not start again."""
    activity.heartbeat(done.started, done.next_sequence_number)


def _progress(request: DispatchInput) -> DispatchResult:
    """The progress of an interrupted run of the same dispatch."""
    details = activity.info().heartbeat_details
    started, next_sequence_number = details or (0, request.first_sequence_number)
    return DispatchResult(started=started, next_sequence_number=next_sequence_number)
