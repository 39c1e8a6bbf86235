"""The similarity of two texts, by the definition of PostgreSQL's pg_trgm.

It catches rewording, not paraphrase: two texts that say the same in other words
share few trigrams.
"""

import re
from typing import Final

#: Characters of a text that are compared; enough to distinguish any two messages, and a bound
#: on the work for one claim.
COMPARED_CHARACTERS: Final = 10_000

_WORD: Final = re.compile(r"[^\W_]+")


def trigrams(text: str) -> frozenset[str]:
    """The set of three-character pieces of a text's words.

    Words are the longest runs of letters and digits, in lower case, each with two
    spaces before it and one after. Everything else (punctuation, emoji) does not count.

    Args:
        text: any text; only the first `COMPARED_CHARACTERS` are read.

    Source: PostgreSQL documentation, F.35 pg_trgm, "Trigram (or Trigraph) Concepts".
    """
    pieces: set[str] = set()
    for word in set(_WORD.findall(text[:COMPARED_CHARACTERS])):
        padded = f"  {word.lower()} "
        pieces.update(padded[start : start + 3] for start in range(len(padded) - 2))
    return frozenset(pieces)


def similarity(a: str, b: str) -> float:
    """Share of trigrams two texts have in common, 0 to 1.

    Returns:
        |A and B| / |A or B|; 0 when neither text has a trigram, as pg_trgm says too.
    """
    return overlap(trigrams(a), trigrams(b))


def overlap(a: frozenset[str], b: frozenset[str]) -> float:
    """Jaccard index of two sets of trigrams, 0 to 1; 0 for two empty sets."""
    if not a or not b:
        return 0.0
    common = len(a & b)
    return common / (len(a) + len(b) - common)
