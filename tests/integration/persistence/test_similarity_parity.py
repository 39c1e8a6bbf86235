"""Python's text similarity beside PostgreSQL's."""

# ruff: noqa: RUF001 - letters of many alphabets are what this is about

import gzip
import itertools
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from madan_sara.policy.similarity import similarity

_SMS = Path(__file__).resolve().parents[4] / "shared" / "data" / "sms.tsv.gz"

_SIMILARITIES = text("""
SELECT similarity(a, b)
  FROM unnest(CAST(:a AS text[]), CAST(:b AS text[])) WITH ORDINALITY AS pair (a, b, place)
 ORDER BY place
""")

_SAMPLES = [
    "Bonjou Madan Sara! Kijan ou ye?",
    "Bonjou, madan sara… kijan ou ye jodi a?",
    "Le marché ouvre à huit heures.",
    "LE MARCHÉ OUVRE À HUIT HEURES",
    "Größe, Straße, Übergröße",
    "Рынок открывается в восемь",
    "рынок ОТКРЫВАЕТСЯ в восемь часов",
    "Η αγορά ανοίγει στις οκτώ",
    "市場は八時に開きます",
    "السوق يفتح في الثامنة",
    "🎁 Exclusive deal! 🎁",
    "Exclusive deal",
    "50% off_today-only: a1b2c3",
    "",
    "   ",
    "...",
]

#: Letters of the languages messages are written in, digits, and what stands between them.
_WRITING = st.text(
    st.sampled_from("abcABC xyzéÉàÀçÇñÑöÖüÜßøØłŁабвАБВαβγΑΒΓ012789 _-.,!?'\n\t😀🎁¡¿…"), max_size=40
)


async def _postgres(database, pairs) -> list[float]:
    async with database.statement() as connection:
        found = await connection.execute(
            _SIMILARITIES, {"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}
        )
        return list(found.scalars())


async def _assert_equal(database, pairs) -> None:
    for (a, b), expected in zip(pairs, await _postgres(database, pairs), strict=True):
        assert similarity(a, b) == pytest.approx(expected, abs=1e-6), (a, b)


async def test_on_samples_of_many_languages(database):
    await _assert_equal(database, list(itertools.product(_SAMPLES, _SAMPLES)))


@given(pairs=st.lists(st.tuples(_WRITING, _WRITING), min_size=1, max_size=30))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_on_any_ordinary_writing(database, pairs):
    await _assert_equal(database, pairs)


@given(words=st.lists(st.text(st.characters(codec="ascii", exclude_characters="\x00")), max_size=6))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_on_any_ascii(database, words):
    joined = " ".join(words)
    await _assert_equal(database, [(joined, word) for word in words])


@pytest.mark.skipif(not _SMS.exists(), reason=f"needs the real messages in {_SMS}")
async def test_on_real_messages(database):
    with gzip.open(_SMS, "rt", encoding="utf-8") as lines:
        texts = [line.rstrip("\n").partition("\t")[2] for line in lines]
    neighbours = list(itertools.pairwise(texts))
    far = list(zip(texts, reversed(texts), strict=True))
    cased = [(t, unicodedata.normalize("NFC", t.upper())) for t in texts[:500]]
    await _assert_equal(database, neighbours + far + cased)
