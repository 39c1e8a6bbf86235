"""The words for the ends of messages that were not sent: the rule, and advice."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from madan_sara.contracts.campaign import FINAL_STATUSES, CampaignStatus
from madan_sara.contracts.decision import RuledOut
from madan_sara.contracts.outreach import Details, ExitReason
from madan_sara.contracts.words.choices import RULED_OUT
from madan_sara.contracts.words.progress import CODES

_BUDGETS: Final = {
    "campaign": ("the campaign's budget", "budget_total"),
    "channel": ("the budget of {key}", "budget_per_channel.{key}.total"),
    "day": ("the spend of {key}", "daily_spend_limit"),
}


def why_unsent(reason: ExitReason, details: Details) -> tuple[str, str]:
    """The rule that ended a message, with its figures; and advice."""
    return _ENDS[reason](details)


def _duplicate(details: Details) -> tuple[str, str]:
    other = f"message {details.get('last_message_id')}, {_moment(details.get('last_message_at'))}"
    match details.get("kind"):
        case "look_back":
            hours = details.get("lookback_hours")
            rule = (
                f"This campaign has contacted the person already ({other}), and its look-back "
                f"window lets {hours} hours pass between two messages."
            )
            return rule, f"Send {hours} hours after that message, or use force_send."
        case "same_address":
            hours = details.get("lookback_hours")
            rule = (
                "This campaign has contacted the same mailbox or number already, under another "
                f"id ({other}); its look-back window lets {hours} hours pass between two messages."
            )
            return rule, "Nothing, if both ids are one person; else use force_send."
        case "near_duplicate":
            share = round(100 * float(details.get("similarity") or 0))
            rule = (
                f"The text is {share} % like one this person got or is about to get ({other}), "
                "perhaps from another campaign."
            )
            return rule, "Write something new, wait, or use force_send."
        case "claimed_since":
            rule = "The campaign has contacted the person with another message since."
            return rule, "Nothing: the other message stands."
    channels = {name: why for name, why in details.items() if name != "last_message_at"}
    last = _moment(details.get("last_message_at"))
    rule = (
        "Every channel left was used for this person too recently, the last time "
        f"{last} ({_listed(channels)})."
    )
    return rule, "Wait until the look-back window has passed, or use force_send."


def _frequency_cap(details: Details) -> tuple[str, str]:
    period = "day" if details.get("period") == "day" else "week"
    rule = (
        "The person has had enough messages from all campaigns together: "
        f"{details.get('messages_sent_today')} in 24 hours "
        f"(at most {details.get('max_messages_per_day')}), "
        f"{details.get('messages_sent_this_week')} in 7 days "
        f"(at most {details.get('max_messages_per_week')})."
    )
    setting = f"max_messages_per_{period}"
    return rule, f"Wait, raise {setting} in the campaign's settings, or use force_send."


def _budget_exceeded(details: Details) -> tuple[str, str]:
    if not details:  # Closed together with others.
        rule = "Nothing was left of the campaign's money when its turn came."
        return rule, "Send it in a campaign with money left."
    budget, field = _BUDGETS.get(str(details.get("scope")), _BUDGETS["campaign"])
    key = details.get("key")
    rule = (
        f"The message costs {details.get('price')}, and {details.get('remaining_budget')} of "
        f"{details.get('limit')} is left of {budget.format(key=key)}."
    )
    return rule, f"Raise {field.format(key=key)} and save the campaign, then send again."


def _daily_limit(details: Details) -> tuple[str, str]:
    rule = (
        f"The campaign's {details.get('daily_limit')} messages of {details.get('day')} are "
        f"used up ({details.get('messages_sent_today')} sent or promised)."
    )
    return rule, "Raise daily_limit and save the campaign, or send another day."


def _campaign_not_active(details: Details) -> tuple[str, str]:
    status = details.get("campaign_status")
    if status is None:  # Closed together with others.
        rule = "The campaign was not active, and only an active one sends."
        return rule, "Ask how it stands: `madan-sara campaign status CAMPAIGN_ID`."
    rule = f"The campaign is {status}, and only an active one sends."
    if status in FINAL_STATUSES:
        return rule, "Send it in another campaign: this one is over for good."
    if status == CampaignStatus.DRAFT:
        return rule, (
            "Start it with `madan-sara campaign start CAMPAIGN_ID` (without recipients of its own: "
            "`campaign resume`), then send again."
        )
    return rule, "Let it go on with `madan-sara campaign resume CAMPAIGN_ID`, then send again."


def _suppressed(details: Details) -> tuple[str, str]:
    rule = f"The person must not be contacted: {details.get('suppression') or _listed(details)}."
    return rule, "Nothing: force_send does not override it either."


def _expired(details: Details) -> tuple[str, str]:
    end = details.get("end_date")
    until = f" at {_moment(end)}" if end else ""
    rule = f"No allowed moment is left before the campaign ends{until}."
    return rule, "Move the campaign's end_date or narrow its quiet_hours, then send again."


def _no_viable_channel(details: Details) -> tuple[str, str]:
    rule = f"None of the campaign's channels can carry it ({_listed(details)})."
    return rule, "Add an address, a text or a channel; below is what each channel lacks."


def _all_channels_failed(details: Details) -> tuple[str, str]:
    tried = f" ({_listed(details)})" if details else ""
    rule = f"Every channel was tried and none took it{tried}."
    return rule, "Check the person's addresses and the codes below, then send a new message."


def _internal_error(details: Details) -> tuple[str, str]:
    cause = f" ({details['cause']})" if details.get("cause") else ""
    rule = f"What is stored of it cannot be read any more{cause}."
    return rule, "Tell the operator of the system; then send it again as a new message."


def _cancelled(_: Details) -> tuple[str, str]:
    return "It was withdrawn before a provider took it.", "Send a new message."


def _moment(value: object) -> str:
    """An instant of the details as people read it."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _listed(details: Details) -> str:
    """Channels and the reason that rules each out, in words where there are any."""
    return ", ".join(f"{name}: {_in_words(str(why))}" for name, why in details.items())


def _in_words(code: str) -> str:
    is_obstacle = code in RuledOut.__members__.values()
    return RULED_OUT[RuledOut(code)] if is_obstacle else CODES.get(code, code)


_ENDS: Final[Mapping[ExitReason, Callable[[Details], tuple[str, str]]]] = {
    ExitReason.DUPLICATE: _duplicate,
    ExitReason.FREQUENCY_CAP: _frequency_cap,
    ExitReason.BUDGET_EXCEEDED: _budget_exceeded,
    ExitReason.DAILY_LIMIT: _daily_limit,
    ExitReason.CAMPAIGN_NOT_ACTIVE: _campaign_not_active,
    ExitReason.SUPPRESSED: _suppressed,
    ExitReason.EXPIRED: _expired,
    ExitReason.NO_VIABLE_CHANNEL: _no_viable_channel,
    ExitReason.ALL_CHANNELS_FAILED: _all_channels_failed,
    ExitReason.INTERNAL_ERROR: _internal_error,
    ExitReason.CANCELLED: _cancelled,
}
