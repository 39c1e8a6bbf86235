"""Whether each person got no more than the rules allow, by the other sides' records."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from madan_sara.contracts.delivery import AttemptState
from madan_sara.devstack.checks.providers import Taken
from madan_sara.devstack.checks.records import Message, Records
from madan_sara.devstack.checks.results import CheckResult

_DAY = timedelta(hours=24)


def check_people(
    records: Records, taken: Iterable[Taken], most_a_day: Mapping[UUID, int]
) -> CheckResult:
    """No message may reach a person twice, and no more messages than the caps allow.

    Args:
        records: The stored facts.
        taken: The messages the other sides have.
        most_a_day: The cap of each campaign: messages a person may have in 24 hours, of all
            campaigns together. Forced messages are outside of it.
    """
    arrivals = _arrivals(records, taken)
    violations = []
    for who, messages in arrivals.items():
        violations += [f"{who} {violation}" for violation in _repetitions(records, messages)]
        violations += [f"{who} {violation}" for violation in _beyond_cap(messages, most_a_day)]
    return CheckResult(
        f"none of {len(arrivals)} people got a message twice, or two of one campaign, "
        "or more in 24 hours than the caps allow",
        violations,
    )


_Arrival = tuple[datetime, Message]


def _arrivals(records: Records, taken: Iterable[Taken]) -> dict[str, list[_Arrival]]:
    """The messages of each person, in order, without bounced ones."""
    attempts = {attempt.key: attempt for attempt in records.attempts}
    arrivals: dict[str, list[_Arrival]] = defaultdict(list)
    for each in taken:
        attempt = attempts.get(each.key)
        if attempt is not None and attempt.state != AttemptState.BOUNCED:
            message = records.messages[attempt.message_id]
            arrivals[message.recipient_id].append((each.at, message))
    for messages in arrivals.values():
        messages.sort(key=lambda arrival: arrival[0])
    return arrivals


def _repetitions(records: Records, messages: list[_Arrival]) -> Iterable[str]:
    of_campaign: dict[UUID, list[Message]] = defaultdict(list)
    for _, message in messages:
        if not message.forced:
            of_campaign[message.campaign_id].append(message)
    for campaign_id, got in of_campaign.items():
        if len(got) > 1:
            yield f"got {len(got)} messages of {records.campaigns[campaign_id]}"
    forced = sorted(message.message_id for _, message in messages if message.forced)
    yield from (f"got the forced {one} twice" for one, other in pairwise(forced) if one == other)


def _beyond_cap(messages: list[_Arrival], most_a_day: Mapping[UUID, int]) -> Iterable[str]:
    for at, message in messages:
        within = sum(at - _DAY < earlier <= at for earlier, _ in messages)
        most = most_a_day[message.campaign_id]
        if within > most and not message.forced:
            yield f"got {within} messages in the 24 hours before {at}, and may have {most}"
