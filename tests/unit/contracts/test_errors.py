"""The tree of errors: one root, drawn as it is, each docstring a message."""

import inspect
import re

import pytest

from madan_sara.contracts import errors
from madan_sara.contracts.errors import MadanSaraError
from madan_sara.contracts.outreach import Block, ExitReason

_ERRORS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if kind.__module__ == errors.__name__
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
