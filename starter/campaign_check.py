"""Everything that is wrong with a campaign, found at once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError

from contracts.campaign import OutreachCampaign
from contracts.channels import Channel
from contracts.faults import fault_lines
from contracts.settings import OrchestratorSettings
from policy.campaign_rules import campaign_faults

#: Stand-ins for fields that could not be read: no rule of `OutreachCampaign.faults` objects
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

    Fields that cannot be read do not keep the others from being judged together.

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
    return campaign, campaign_faults(campaign, campaign.settings or defaults)


def _faults_of_the_rest(
    document: object, error: ValidationError, defaults: OrchestratorSettings
) -> list[str]:
    if not isinstance(document, Mapping):
        return []
    unread = {str(fault["loc"][0]) for fault in error.errors(include_url=False)}
    readable: dict[str, Any] = {k: v for k, v in document.items() if k not in unread}
    stand_ins = {name: value for name, value in _STAND_INS.items() if name in unread}
    campaign = OutreachCampaign.model_validate({**readable, **stand_ins})
    return campaign_faults(campaign, campaign.settings or defaults, unread=unread)
