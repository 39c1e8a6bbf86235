"""Money: Decimal at the edges, integer micro-units inside, never float."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Final

from pydantic import Field, PlainSerializer

from madan_sara.contracts.base import NotBool

MICROS_PER_UNIT: Final = 1_000_000

#: An amount in the campaign's currency: not negative, at most six decimals.
#: Goes out as a JSON number, as the public answers show it.
Money = Annotated[
    Decimal,
    NotBool,
    Field(ge=0, le=Decimal("1000000000"), decimal_places=6, allow_inf_nan=False),
    PlainSerializer(float, return_type=float, when_used="json"),
]


def to_micros(amount: Decimal) -> int:
    """Convert an amount to micro-units (a millionth of the currency unit).

    Raises:
        ValueError: the amount has more than six decimals.
    """
    scaled = amount * MICROS_PER_UNIT
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} has more than six decimals; round it first")
    return int(scaled)


def from_micros(micros: int) -> Decimal:
    """Convert micro-units back to an exact amount."""
    return Decimal(micros) / MICROS_PER_UNIT


def percent(part: int, whole: int) -> Decimal:
    """Share of `part` in `whole` in percent, two decimals; 0 of a whole of 0."""
    if whole == 0:
        return Decimal("0.00")
    share = Decimal(part) * 100 / Decimal(whole)
    return share.quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)
