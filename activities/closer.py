"""The end of a message that was not sent, or its way back into its campaign's queue."""

from temporalio import activity

from madan_sara.activities.stores import RequestStore
from madan_sara.contracts.outreach import ConcludeInput, ConcludeResult, PutBackInput, PutBackResult


class OutreachCloser:
    """Ends unsent messages so that no hold and no claim is left behind.

    Args:
        requests: the messages to end.
    """

    def __init__(self, requests: RequestStore) -> None:
        self._requests = requests

    @activity.defn
    async def close_outreach(self, request: ConcludeInput) -> ConcludeResult:
        """Release hold and claim and store the outcome, all in one statement.

        Serves every end but a sent message, and is the compensation of every step before
        it: releasing a hold or claim that was never taken is fine, and a second run changes
        nothing.
        """
        return await self._requests.conclude(request)

    @activity.defn
    async def put_back(self, request: PutBackInput) -> PutBackResult:
        """Have a campaign's recipient wait, where a limit leaves no room for it now."""
        is_back = await self._requests.put_back(request.ref, request.block, request.generation)
        return PutBackResult(is_back=is_back)
