"""All violations of a campaign: fields that cannot be read, then contradictions."""

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import ValidationError

from madan_sara.contracts.campaign import Campaign, OutreachCampaign
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.contracts.violations import refusal, violation_lines
from madan_sara.policy.campaign_rules import campaign_violations


class CheckedCampaign(NamedTuple):
    """A campaign as it was read, and everything that is wrong with it."""

    #: None: it could not be read.
    request: OutreachCampaign | None
    complete: Campaign | None
    #: Each as `field: what is wrong`.
    violations: Sequence[str]


def check_campaign(document: object, defaults: OrchestratorSettings) -> CheckedCampaign:
    """Read a campaign; once it can be read, look for contradictions.

    Args:
        document: the campaign's fields.
        defaults: the rules it gets if it brings none of its own.
    """
    try:
        request = OutreachCampaign.model_validate(document)
    except RecursionError as error:
        return CheckedCampaign(None, None, [refusal(error)])
    except ValidationError as error:
        return CheckedCampaign(None, None, violation_lines(error))
    complete = request.resolved(defaults)
    return CheckedCampaign(request, complete, campaign_violations(complete))
