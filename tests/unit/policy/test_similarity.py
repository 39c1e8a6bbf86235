import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madan_sara.policy.similarity import COMPARED_CHARACTERS, similarity, trigrams

texts = st.text(max_size=60) | st.text("ab c1,", max_size=30)


def test_trigrams_are_padded_per_word():
    assert trigrams("Cat, c1!") == {"  c", " ca", "cat", "at ", " c1", "c1 "}
    assert trigrams("foo_bar") == trigrams("bar foo")
    assert trigrams("Ünï") == {"  ü", " ün", "ünï", "nï "}


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("wow", "WOWa ", 0.5),
        ("wow", " WOW ", 1.0),
        ("word", "two words", 4 / 11),
        ("", "", 0.0),
        ("---", "####---", 0.0),
        ("🎁", "🎁", 0.0),
        ("a", "", 0.0),
    ],
)
def test_known_values(a, b, expected):
    assert similarity(a, b) == pytest.approx(expected)


@given(texts, texts)
@settings(max_examples=100, deadline=None)
def test_is_a_symmetric_share(a, b):
    assert 0 <= similarity(a, b) == similarity(b, a) <= 1


@given(texts)
@settings(max_examples=60, deadline=None)
def test_a_text_equals_itself_if_it_has_a_letter_or_digit(text):
    assert similarity(text, text) == (1.0 if any(c.isalnum() for c in text) else 0.0)


@given(texts, texts, texts)
@settings(max_examples=60, deadline=None)
def test_distance_obeys_the_triangle_inequality(a, b, c):
    a, b, c = (text + " x" for text in (a, b, c))
    assert 1 - similarity(a, c) <= 2 - similarity(a, b) - similarity(b, c) + 1e-9


def test_only_the_beginning_is_compared():
    start = "a" * COMPARED_CHARACTERS
    assert similarity(start + " one", start + " two") == 1
    assert trigrams(start + "b") == trigrams(start)
