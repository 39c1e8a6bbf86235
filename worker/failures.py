"""The border between an activity's errors and the failures that Temporal keeps."""

import traceback
from typing import Any, Final

import asyncpg
from sqlalchemy.exc import SQLAlchemyError
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from madan_sara.contracts.errors import (
    CampaignConflictError,
    DeliveryError,
    FinalStatusError,
    MisconfiguredError,
    NotAsleepError,
    OutreachLostError,
    OverLimitError,
    StorageError,
    UnreachableError,
    UnreadableRowError,
)

#: Their words are ours, of ids, fields and figures, or were cleared of values by
#: `persistence.driver_errors`. Of the other errors of ours any author may say what was given.
_WITHOUT_VALUES: Final = (
    FailureError,
    CampaignConflictError,
    DeliveryError,
    FinalStatusError,
    MisconfiguredError,
    NotAsleepError,
    OutreachLostError,
    OverLimitError,
    StorageError,
    UnreachableError,
    UnreadableRowError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    SQLAlchemyError,
    OSError,
)


class FailuresWithoutValues(Interceptor):
    """Keeps the values that an unforeseen error quotes out of histories and logs.

    An unforeseen error may quote anything: a name, a number, a text. Only its type and its
    line of code are reported.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - Temporal's name for it
        """Put the border around every activity."""
        return _Border(next)


class _Border(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - Temporal's
        try:
            return await super().execute_activity(input)
        except _WITHOUT_VALUES:
            raise
        except Exception as error:  # noqa: BLE001 - every error is reported without values
            bare = ApplicationError(_without_values(error), type=type(error).__name__)
        # Outside of the block: the error being handled would be kept as well.
        raise bare


def _without_values(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, line {frame.lineno} of {frame.filename}"
