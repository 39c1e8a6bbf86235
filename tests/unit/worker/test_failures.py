"""An activity's failure quotes no personal data, after any error."""

import traceback
from typing import Any

import pytest
from pydantic import TypeAdapter
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter, DefaultPayloadConverter
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from madan_sara.contracts.errors import (
    ConflictError,
    FinalStatusError,
    InvalidRequestError,
    KeyUsedError,
    MadanSaraError,
    NotFoundError,
    TransientDeliveryError,
    UnreadableRowError,
)
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.persistence.stored import read_stored
from madan_sara.worker.failures import FailuresWithoutValues

SECRET = "Wozalin"
#: Errors of ours that may say what was given.
_OF_ANY_AUTHOR = (ConflictError, InvalidRequestError, KeyUsedError, MadanSaraError, NotFoundError)


class _Fails(ActivityInboundInterceptor):
    """An activity that fails with its input in the error."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        raise self._error


async def failure_of(error: BaseException) -> tuple[BaseException, str]:
    """An activity's error, and all that Temporal and a log would keep of it."""
    border = FailuresWithoutValues().intercept_activity(_Fails(error))
    with pytest.raises(type(error) if isinstance(error, ApplicationError) else Exception) as caught:
        await border.execute_activity(None)  # type: ignore[arg-type]
    failure = Failure()
    DefaultFailureConverter().to_failure(caught.value, DefaultPayloadConverter(), failure)
    return caught.value, str(failure) + "".join(traceback.format_exception(caught.value))


def _validation_error() -> Exception:
    try:
        TypeAdapter(int).validate_python(SECRET)
    except ValueError as error:
        return error
    raise AssertionError


def _caused() -> Exception:
    caused = RuntimeError(f"no such field of {SECRET}")
    caused.__cause__ = KeyError(SECRET)
    return caused


@pytest.mark.parametrize(
    "error",
    [
        *(ValueError(SECRET), KeyError(SECRET), AssertionError(SECRET)),
        *(_validation_error(), _caused()),
        *(kind(SECRET) for kind in _OF_ANY_AUTHOR),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_unforeseen_error_says_its_type_and_place_only(error):
    raised, kept = await failure_of(error)
    assert SECRET not in kept
    assert f"{type(error).__name__} in " in str(raised)


async def test_errors_of_ours_keep_their_words():
    for error in (
        TransientDeliveryError("too busy"),
        ApplicationError("not yet", type="NotDue"),
        FinalStatusError("it has ended"),
        UnreadableRowError("message 1", "name: string_type"),
    ):
        raised, _ = await failure_of(error)
        assert raised is error


def test_a_row_that_cannot_be_read_names_its_fields_only():
    document = f'{{"name": ["{SECRET}"], "contact_info": {{"email": "{SECRET}"}}, "age": 7}}'
    with pytest.raises(UnreadableRowError) as caught:
        read_stored(RecipientProfile, document)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert "RecipientProfile.name: string_type" in str(caught.value)


def test_a_row_that_cannot_be_read_names_no_key_of_a_mapping():
    history = f'{{"{SECRET}": {{"open_rate": "{SECRET}"}}}}'
    document = f'{{"attributes": {{"{SECRET}": []}}, "engagement_history": {history}}}'
    with pytest.raises(UnreadableRowError) as caught:
        read_stored(RecipientProfile, document)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert "RecipientProfile.attributes.?: " in str(caught.value)
    assert "RecipientProfile.engagement_history.?.open_rate: " in str(caught.value)
