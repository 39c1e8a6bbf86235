import pytest

from madan_sara.contracts.outreach import FINAL_STATES, OutreachState
from tests.simulation.checks import Checks
from tests.simulation.draws import Draws
from tests.simulation.life import Life
from tests.simulation.runs import live_all, simulated_world
from tests.simulation.shrinking import shrink

#: Some ten seconds; `make simulate` lives more of them.
_LIVES = 1_000


def test_no_life_breaks_a_rule():
    lived = live_all(range(_LIVES))
    assert not lived.found, str(lived.found[0])
    assert set(lived.outreaches) == FINAL_STATES, "some end was never reached"


def test_one_seed_repeats_a_life():
    stories: list[list[str]] = []
    with simulated_world():
        for _ in range(2):
            story: list[str] = []
            Life(Draws(7), story.append).live()
            stories.append(story)
    assert stories[0] == stories[1]
    assert stories[0]


def test_the_choices_of_a_life_repeat_it():
    with simulated_world():
        draws, story, again = Draws(11), list[str](), list[str]()
        Life(draws, story.append).live()
        Life(Draws(0, draws.taken), again.append).live()
    assert again == story


def test_a_broken_rule_is_told_as_a_short_story(monkeypatch: pytest.MonkeyPatch):
    def nothing_is_ever_unknown(checks: Checks) -> None:
        for message in checks._life.tables.messages.values():
            if message.state is OutreachState.UNKNOWN:
                checks._fail("nothing_is_ever_unknown", str(message.message_id))

    monkeypatch.setattr(Checks, "at_the_end", nothing_is_ever_unknown)
    (found,) = live_all(range(1_000)).found
    with simulated_world():
        choices = shrink(found.seed, found.taken, found.violation.checker)
    assert found.violation.checker == "nothing_is_ever_unknown"
    assert sum(map(bool, choices)) <= 5, "a call whose answer is lost, and little else"
