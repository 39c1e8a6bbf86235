"""What a message brought in, as the seller tells it."""

from madan_sara.contracts.base import ClosedContract, Instant, ShortText
from madan_sara.contracts.money import Money


class Conversion(ClosedContract):
    """Something a person did because of a message: bought, booked, signed up."""

    #: The caller's name for it: given twice, it counts once.
    conversion_id: ShortText
    #: In the campaign's currency; 0 where there is no price.
    value: Money
    occurred_at: Instant
