"""The conversions of a message, as the seller reports them."""

from madan_sara.contracts.base import ClosedContract, Instant, ShortText
from madan_sara.contracts.money import Money


class Conversion(ClosedContract):
    """An action of a person because of a message: a purchase, a booking, a sign-up."""

    #: The caller's name for it: given twice, it counts once.
    conversion_id: ShortText
    #: In the campaign's currency; 0 where there is no price.
    value: Money
    occurred_at: Instant
