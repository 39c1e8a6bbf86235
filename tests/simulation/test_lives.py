from madan_sara.contracts.outreach import FINAL_STATES
from tests.simulation.draws import Draws
from tests.simulation.life import Life
from tests.simulation.runs import live_all, simulated_world

#: Some ten seconds; `make simulate` lives more of them.
_LIVES = 2_000


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
