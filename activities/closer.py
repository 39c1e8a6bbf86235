"""The end of a message that was not sent."""

from temporalio import activity

from activities.stores import RequestStore
from contracts.outreach import ConcludeInput, ConcludeResult


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

        Serves every exit but a sent message, and is the compensation of every step
        before it: releasing what was never taken is fine, and a second run changes
        nothing.
        """
        return await self._requests.conclude(request)
