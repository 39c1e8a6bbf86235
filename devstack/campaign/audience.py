"""People by the thousand, the same for the same seed."""

import csv
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from madan_sara.contracts.channels import Channel
from madan_sara.devstack.campaign.scenarios import (
    CHANNEL_OF_FIELD,
    REACHED,
    SCENARIOS,
    Earlier,
    Scenario,
    SuppressionScope,
)
from madan_sara.devstack.errors import DevstackError
from madan_sara.emulators.sandbox.behaviour import BEHAVIOURS
from madan_sara.starter.orchestrator import OutreachOrchestrator

#: Fewer would leave out some of the scenarios.
FEWEST: Final = 100
#: The phone numbers of those below have room for so many.
MOST: Final = 100_000

_COLUMNS: Final = (
    "id",
    "name",
    "customer_type",
    "timezone",
    "device_preference",
    *CHANNEL_OF_FIELD,
    "linkedin_id",
    "preferred_channel",
    "town",
)
_TOWNS: Final[Mapping[str, str]] = {
    "Jacmel": "America/Port-au-Prince",
    "Miami": "America/New_York",
    "Montréal": "America/Toronto",
    "Guadalajara": "America/Mexico_City",
    "São Paulo": "America/Sao_Paulo",
    "Saint-Denis": "Europe/Paris",
    "Lagos": "Africa/Lagos",
    "Pondichéry": "Asia/Kolkata",
    "Kathmandu": "Asia/Kathmandu",
    "Tokyo": "Asia/Tokyo",
    "Nouméa": "Pacific/Noumea",
    "Apia": "Pacific/Apia",
}
_NAMES: Final = ("Marie", "Jean", "Rose", "Wilner", "Guerda", "Estelle", "Fritz", "Mireille")
_FAMILIES: Final = ("Joseph", "Pierre", "Saintil", "Désir", "Étienne", "Louis", "Charles", "Noël")

#: The ends of phone numbers that ask for a behaviour, by the word other addresses use.
_ENDINGS: Final = {trigger.word: trigger.phone_ending for trigger in BEHAVIOURS.values()}


@dataclass(frozen=True)
class Person:
    """A person of the audience."""

    scenario: Scenario
    #: The row of the file, by column; what is missing stays empty.
    row: Mapping[str, str]
    #: The channel that is likely to carry the message, at its price; None: none will.
    carried_by: Channel | None

    @property
    def id(self) -> str:
        """Their id in the file."""
        return self.row["id"]


def make_audience(size: int, seed: int, rest: Scenario = REACHED) -> list[Person]:
    """Make up an audience: of every scenario its share and at least one, in any order.

    Args:
        size: How many people.
        seed: The same seed makes the same people.
        rest: The scenario of all others.

    Raises:
        DevstackError: The size is out of bounds.
    """
    if not FEWEST <= size <= MOST:
        raise DevstackError(f"{size} recipients: choose between {FEWEST} and {MOST}")
    chance = random.Random(seed)  # noqa: S311 - nothing here is secret
    people, seen = [], Counter[str]()
    for number, scenario in enumerate(_dealt(size, rest, chance)):
        people.append(_person(number, scenario, seen[scenario.name], chance))
        seen[scenario.name] += 1
    return people


def _dealt(size: int, rest: Scenario, chance: random.Random) -> list[Scenario]:
    """A scenario a person: first one of each, so that all are met while there is money."""
    first = [rest, *SCENARIOS]
    deck = [each for each in SCENARIOS for _ in range(max(1, round(each.share * size)) - 1)]
    deck += [rest] * (size - len(deck) - len(first))
    chance.shuffle(first)
    chance.shuffle(deck)
    return [*first, *deck]


def write_file(file: Path, people: Iterable[Person]) -> None:
    """Write people as a file to import."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, _COLUMNS)
        writer.writeheader()
        writer.writerows(person.row for person in people)


def written_to(people: Sequence[Person], earlier: Earlier) -> list[Person]:
    """The people an earlier campaign has written to."""
    return [person for person in people if earlier in person.scenario.earlier]


async def suppress(orchestrator: OutreachOrchestrator, people: Iterable[Person]) -> None:
    """Suppress the people who have asked not to be contacted."""
    for person in people:
        match person.scenario.suppression:
            case SuppressionScope.PERSON:
                await orchestrator.suppress(recipient_id=person.id)
            case SuppressionScope.ADDRESS:
                await orchestrator.suppress(address=person.row["email"])
            case SuppressionScope.CHANNEL:
                channel = Channel(person.row["preferred_channel"])
                await orchestrator.suppress(recipient_id=person.id, channel=channel)


def _person(number: int, scenario: Scenario, round_number: int, chance: random.Random) -> Person:
    fields = scenario.addresses[round_number % len(scenario.addresses)]
    first, last = next(iter(fields)), next(reversed(fields))
    town = chance.choice(list(_TOWNS))
    row = {
        "id": f"person-{number:06}",
        "name": f"{chance.choice(_NAMES)} {chance.choice(_FAMILIES)}",
        "customer_type": chance.choice(("new", "returning", "existing", "")),
        "timezone": _TOWNS[town],
        "device_preference": chance.choice(("mobile", "desktop", "")),
        "town": town,
        **{field: _address(field, word, number) for field, word in fields.items()},
    }
    if scenario.prefers_first and first in CHANNEL_OF_FIELD:
        row["preferred_channel"] = CHANNEL_OF_FIELD[first].value
    carrier = first if scenario.has_spare else last
    return Person(scenario, row, CHANNEL_OF_FIELD[carrier] if scenario.costs else None)


def _address(field: str, word: str, number: int) -> str:
    """An address of one person alone, that asks its provider for something."""
    if field in ("phone", "whatsapp"):
        return f"+33{6 if field == 'phone' else 7}{_last_digits(word, number)}"
    name = "-".join(filter(None, (word, str(number))))
    return f"{name}@example.com" if field == "email" else f"@{name}"


def _last_digits(word: str, number: int) -> str:
    """Eight digits; those that ask for nothing end in less than 900."""
    if word:
        return f"{number:05}{_ENDINGS[word]}"
    return f"{number // 900:05}{number % 900:03}"
