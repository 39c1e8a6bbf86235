"""The words for a campaign that is stored otherwise than it was given, at every door."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

#: How to change what is stored: in a program, and at a shell.
_SAVE_ANEW: Final = (
    "load it (`get_campaign`), change that one and save it; at a shell, save its file "
    "(`madan-sara campaign save`)"
)


def saved_one_stands(fields: Sequence[str]) -> str:
    """A send goes by the saved campaign, which differs in some fields."""
    return (
        "campaign: the saved one stands, which differs from the one given in "
        f"{', '.join(fields)}; to change it, {_SAVE_ANEW}"
    )


def changed_meanwhile(campaign_id: UUID, fields: Sequence[str]) -> str:
    """A save is refused: it would undo what was stored meanwhile."""
    return (
        f"campaign: {campaign_id} was changed meanwhile, and differs from the one given in "
        f"{', '.join(fields)}; {_SAVE_ANEW}"
    )
