"""All violations of a campaign: fields that cannot be read, then contradictions."""

from pydantic import ValidationError

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.contracts.violations import refusal, violation_lines
from madan_sara.policy.campaign_rules import campaign_violations


def check_campaign(
    document: object, defaults: OrchestratorSettings
) -> tuple[OutreachCampaign | None, list[str]]:
    """Read a campaign; once it can be read, look for contradictions.

    Args:
        document: the campaign's fields.
        defaults: the rules it gets if it brings none of its own.

    Returns:
        The campaign, None if it could not be read; and each violation, as `field: description`.
    """
    try:
        campaign = OutreachCampaign.model_validate(document)
    except RecursionError as error:
        return None, [refusal(error)]
    except ValidationError as error:
        return None, violation_lines(error)
    return campaign, campaign_violations(campaign.resolved(defaults))
