"""Everything that is wrong with a campaign, found at once."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.faults import fault_lines
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.campaign_rules import campaign_faults

#: Stand-ins for fields that could not be read: no rule about them alone objects
#: to them. The other fields have defaults that serve as well.
_STAND_INS: Final[Mapping[str, object]] = {
    "name": "-",
    "channels": list(Channel),
    "start_date": datetime.min.replace(tzinfo=UTC),
}


def check_campaign(
    document: object, defaults: OrchestratorSettings
) -> tuple[OutreachCampaign | None, list[str]]:
    """Read a campaign and judge it as a whole.

    What cannot be read does not keep the rest from being judged together, of the same field
    or of others.

    Args:
        document: the campaign's fields.
        defaults: the rules it gets if it brings none of its own.

    Returns:
        The campaign, None if it could not be read; and every fault, as `field: what is wrong`.
    """
    try:
        campaign = OutreachCampaign.model_validate(document)
    except ValidationError as error:
        return None, [*fault_lines(error), *_faults_of_the_rest(document, error, defaults)]
    return campaign, campaign_faults(campaign.resolved(defaults))


def _faults_of_the_rest(
    document: object, error: ValidationError, defaults: OrchestratorSettings
) -> list[str]:
    """The contradictions in what can be read."""
    rest, unread = document, set[str]()
    while isinstance(rest, Mapping):
        places = {_place(rest, fault["loc"]) for fault in error.errors(include_url=False)}
        if () in places:  # A name of a field that cannot be read; there is no telling which.
            break
        unread |= {".".join(map(str, place)) for place in places}
        rest = _without(rest, places)
        rest |= {name: value for name, value in _STAND_INS.items() if name in unread}
        try:
            campaign = OutreachCampaign.model_validate(rest)
        except ValidationError as more:  # What is left of a list or an object may be too little.
            error = more
        else:
            return campaign_faults(campaign.resolved(defaults), unread=unread)
    return []


_Place = tuple[int | str, ...]


def _place(document: Mapping[str, Any], path: _Place) -> _Place:
    """The part of a document that cannot be read; of a missing field, what it is missing in."""
    found: list[int | str] = []
    value: Any = document
    for step in path:
        # Other steps are missing fields, or names of alternatives of ours.
        if step in _steps(value):
            found.append(step)
            value = value[step]
    return tuple(found) or path[:1]


def _steps(value: Any) -> Collection[int | str]:  # noqa: ANN401 - as it came
    """The names or indexes of what an object or a list holds."""
    if isinstance(value, Mapping):
        return value.keys()
    return range(len(value)) if isinstance(value, list | tuple) else ()


def _without(document: Any, places: Collection[_Place]) -> Any:  # noqa: ANN401 - as it came
    """A document without some parts of it."""
    if not places:
        return document

    left = {
        step: _without(document[step], [place[1:] for place in places if place[0] == step])
        for step in _steps(document)
        if (step,) not in places
    }
    return left if isinstance(document, Mapping) else list(left.values())
