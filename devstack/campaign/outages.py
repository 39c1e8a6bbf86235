"""Providers that are away for a while in the middle of a campaign, and the checks of it."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from rich.console import Console
from rich.text import Text

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.devstack.campaign.audience import Person
from madan_sara.devstack.campaign.watch import Watch
from madan_sara.devstack.checks.records import AttemptRow, Records
from madan_sara.devstack.checks.results import CheckResult

#: Share of the recipients that have their outcome when the first provider goes away.
_BEGIN: Final = 0.2
#: How many times as long as one outage a campaign is to last, so that much is due in each.
_LASTS_FOR: Final = 3


class Provider(Protocol):
    """A server that can be away, and come back as before."""

    async def go_away(self) -> None:
        """Refuse every connection from now on."""

    async def come_back(self) -> None:
        """Serve again, on the same port."""


@dataclass(frozen=True)
class Outage:
    """One provider's outage, and the campaign's progress at its beginning and end."""

    provider: str
    seconds: float
    #: Recipients with an outcome, of how many, when it began and when it was over.
    done: tuple[int, int]
    total: int


class Outages:
    """Takes providers away, one after the other.

    Args:
        providers: By their names for people.
        seconds: For how long each is away.
        console: Where to say so.
    """

    def __init__(
        self, providers: Sequence[tuple[str, Provider]], seconds: float, console: Console
    ) -> None:
        self._providers = providers
        self._seconds = seconds
        self._console = console
        #: Those that are over.
        self.over: list[Outage] = []

    async def happen(self, watch: Watch) -> None:
        """Take one provider after the other away, in the middle of the campaign of a watch."""
        await watch.until(_BEGIN)
        for name, provider in self._providers:
            began = watch.samples[-1]
            self._say(watch, f"{name} is away for {self._seconds:g} s")
            await provider.go_away()
            try:
                await asyncio.sleep(self._seconds)
            finally:
                await provider.come_back()
                self._say(watch, f"{name} is back")
            ended = watch.samples[-1]
            self.over.append(Outage(name, self._seconds, (began.done, ended.done), ended.total))

    def _say(self, watch: Watch, words: str) -> None:
        seen = watch.samples[-1]
        line = f"  {seen.seconds:5.0f} s  {seen.done} of {seen.total}  {words}"
        self._console.print(Text(line, style="bold"), soft_wrap=True)

    def check_happened(self) -> CheckResult:
        """Every provider must have been away while there was something to send."""
        over = {outage.provider: outage for outage in self.over}
        violations = [
            f"{name}: the campaign was over before it was back"
            for name, _ in self._providers
            if name not in over or over[name].done[1] == over[name].total
        ]
        spans = ", ".join(
            f"{outage.provider} from {outage.done[0]} to {outage.done[1]} of {outage.total}"
            for outage in self.over
        )
        return CheckResult(
            f"each provider was away for {self._seconds:g} s in the middle: {spans}", violations
        )


def slowly_enough(people: Iterable[Person], outage_seconds: float) -> dict[str, float]:
    """Rate limits by channel that let a campaign last until each provider has been away.

    Args:
        people: Its audience.
        outage_seconds: For how long each provider is away.

    Returns:
        Messages a second.
    """
    messages = Counter(person.carried_by for person in people if person.carried_by)
    seconds = lasts_at_least(outage_seconds)
    return {channel.value: number / seconds for channel, number in messages.items()}


def lasts_at_least(outage_seconds: float) -> float:
    """How long a campaign is to take with the limits of `slowly_enough`, in seconds."""
    return _LASTS_FOR * outage_seconds


def check_unmoved(
    records: Records, campaign: OutreachCampaign, people: Iterable[Person]
) -> CheckResult:
    """An outage must have moved no message to another channel, least of all to a dearer one.

    People to whom a provider does something have other reasons to be moved: left out.
    """
    attempts = _attempts(records, campaign)
    plain = [person for person in people if person.scenario.is_plain]
    violations = []
    for person in plain:
        channels = [attempt.channel for attempt in attempts[person.id]]
        planned = [person.carried_by] if person.scenario.prefers_first else channels[:1]
        if channels and channels != planned:
            violations.append(f"{person.id} ({person.scenario.name}): by {' then '.join(channels)}")
    return CheckResult(
        f"no outage moved any of {len(plain)} recipients to another channel", violations
    )


def check_no_tries_used_up(
    records: Records, campaign: OutreachCampaign, people: Iterable[Person]
) -> CheckResult:
    """An outage must have used up no tries of a message.

    People to whom a provider does something have other reasons for a second try: left out.
    """
    attempts = _attempts(records, campaign)
    violations = [
        f"{person.id} ({person.scenario.name}): {attempt.tries} tries by {attempt.channel}"
        for person in people
        for attempt in attempts[person.id]
        if person.scenario.is_plain and attempt.tries > 1
    ]
    return CheckResult("no outage used up tries of a message", violations)


def _attempts(records: Records, campaign: OutreachCampaign) -> dict[str, list[AttemptRow]]:
    """The attempts of a campaign by recipient, in order."""
    found: dict[str, list[AttemptRow]] = defaultdict(list)
    for attempt in records.attempts:
        message = records.messages[attempt.message_id]
        if message.campaign_id == campaign.id:
            found[message.recipient_id].append(attempt)
    return found
