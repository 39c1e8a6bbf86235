"""The tree of errors: one root, drawn as it is, each docstring a message."""

import copy
import inspect
import pickle
import re
from datetime import timedelta
from uuid import uuid4

import pytest

import madan_sara
from madan_sara.contracts import errors
from madan_sara.contracts.errors import MadanSaraError
from madan_sara.contracts.outreach import Block, ExitReason

_ERRORS: list[type[MadanSaraError]] = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, MadanSaraError)
]
_OWN_ARGUMENTS = [kind for kind in _ERRORS if "message" not in inspect.signature(kind).parameters]


def test_the_tree_is_drawn_as_it_is():
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"    ((?:[│├└─ ]{4})*)(\w+Error)\b", line)
        if found:
            depth = len(found[1]) // 4
            del above[depth:]
            drawn[found[2]] = above[-1] if above else ""
            above.append(found[2])
    there = {kind.__name__: kind.__mro__[1].__name__ for kind in _ERRORS}
    assert drawn == there | {"MadanSaraError": ""}


@pytest.mark.parametrize("kind", [kind for kind in _ERRORS if kind not in _OWN_ARGUMENTS])
def test_a_docstring_is_the_default_message(kind):
    assert issubclass(kind, MadanSaraError)
    assert str(kind()) == (kind.__doc__ or "").splitlines()[0]
    assert str(kind("three of four")) == "three of four"


def test_an_exceeded_limit_gives_its_figures():
    block = Block(reason=ExitReason.BUDGET_EXCEEDED, details={"remaining_budget": "0.5"})
    error = errors.OverLimitError(block)
    assert (str(error), error.block) == ("budget_exceeded: remaining_budget 0.5", block)


def _each() -> list[MadanSaraError]:
    """One error of every kind, with all it can hold."""
    lost = errors.OutreachLostError(uuid4(), "was terminated", is_known=True)
    lost.add_note("seen twice")
    block = Block(reason=ExitReason.DAILY_LIMIT, details={"daily_limit": "5"})
    made: dict[type, MadanSaraError] = {
        errors.OutreachLostError: lost,
        errors.UnreadableRowError: errors.UnreadableRowError("message 1", "name: string_type"),
        errors.CampaignConflictError: errors.CampaignConflictError(uuid4(), ["name", "settings"]),
        errors.OverLimitError: errors.OverLimitError(block),
    }
    for kind in _ERRORS:
        if issubclass(kind, errors.NotTakenError):
            made[kind] = kind("busy", timedelta(seconds=5), code="4.7.0")
    return [made[kind] if kind in made else kind("three of four") for kind in _ERRORS]


@pytest.mark.parametrize("error", _each(), ids=lambda error: type(error).__name__)
def test_an_error_is_copied_and_pickled_with_all_it_holds(error):
    for again in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert type(again) is type(error)
        assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))


def test_each_error_an_operation_may_end_in_is_a_public_name():
    public = {kind.__name__ for kind in _ERRORS if not issubclass(kind, errors.DeliveryError)}
    assert public - set(madan_sara.__all__) == set()
