"""Warnings about a campaign's valid texts."""

from madan_sara.contracts.campaign import CampaignFields
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import SendPlan
from madan_sara.contracts.money import from_micros
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.sms import sms_length
from madan_sara.policy.templates import fixed_text


def segment_warnings(plan: SendPlan | None) -> list[str]:
    """A warning that a planned text message is paid several times, with segments and price.

    Args:
        plan: the plan of one message; None: it is not sent.
    """
    if plan is None or plan.parts == 1:
        return []
    whole = from_micros(plan.price_micros)
    each = whole / plan.parts
    text = f"takes {plan.parts} segments and costs {whole.normalize():f}, {each.normalize():f} each"
    return [f"{plan.channel}: the text {text}"]


def text_warnings(campaign: CampaignFields, settings: OrchestratorSettings) -> list[str]:
    """Text messages that cost several times their price.

    Args:
        campaign: with its templates, if it has any.
        settings: with the price list.

    Returns:
        One line each, like `templates.sms: takes 3 segments, ...`.
    """
    sms = Channel.SMS
    template = campaign.templates.template_for(sms) if campaign.templates else None
    if sms not in campaign.channels or not isinstance(template, str):
        return []
    length = sms_length(fixed_text(template))
    if length.segments == 1:
        return []
    name = sms if campaign.templates and sms in campaign.templates.root else "default"
    because = f" because of {length.foreign!r}" if length.foreign else ""
    text = (
        f"templates.{name}: takes {length.segments} segments as a text message "
        f"({length.units} units of {length.encoding}{because}), before anything is filled in; "
        f"each segment costs {settings.price_of(sms):f}"
    )
    return [text]
