"""The mistakes that the simulation must notice can still be made: their texts stand in the code."""

from pathlib import Path

import pytest

from tests.simulation.mutations import MUTATIONS, Mutation

_ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_text_of_a_mistake_stands_once_in_its_file(mutation: Mutation):
    text = (_ROOT / mutation.file).read_text(encoding="utf-8")
    assert text.count(mutation.before) == 1
    assert mutation.after != mutation.before
