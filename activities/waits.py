"""Why a delivery is run again later, in the words the Web UI shows beside it.

Only here does a wait become Temporal's error: nothing is wrong, it is not time yet.
"""

from datetime import datetime, timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from madan_sara.activities.call_rates import CallRate
from madan_sara.activities.lease import LEASE
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import ChannelWait
from madan_sara.contracts.outreach import DeliveryWait
from madan_sara.contracts.words.waits import explain_turn, explain_wait

#: Error types of these waits, as `temporal workflow describe` shows them.
PROVIDER_AWAY = "ProviderAway"
SETTINGS_REFUSED = "SettingsRefused"
RECIPIENT_PUT_OFF = "RecipientPutOff"
AWAITS_TURN = "AwaitsTurn"

_AT_ONCE = timedelta(milliseconds=100)


def for_channel(wait: ChannelWait, delay: timedelta) -> ApplicationError:
    """The account takes nothing, or nothing for this recipient."""
    error_type = PROVIDER_AWAY
    if wait.account is None:
        error_type = RECIPIENT_PUT_OFF
    elif wait.refuses_settings:
        error_type = SETTINGS_REFUSED
    return _later(f"waits for {explain_wait(wait)}", error_type, delay)


def for_turn(channel: Channel, rate: CallRate, delay: timedelta) -> ApplicationError:
    """The channel has a rate limit of ours, and others come first."""
    return _later(f"waits for {explain_turn(channel, rate.per_second)}", AWAITS_TURN, delay)


def settling(delay: timedelta) -> ApplicationError:
    """A look-up too soon after the call would not find a message that is still being taken."""
    return _later("waits until the provider knows what became of the call", "Settling", delay)


def for_another_call(delay: timedelta) -> ApplicationError:
    """The answer was lost; the same call brings it again."""
    return _later("the answer was lost; the same call is made again", "AnswerLost", delay)


def for_hours(delay: timedelta) -> ApplicationError:
    """A message that may be out keeps its key, and waits for the allowed hours with it."""
    return _later("the allowed hours have passed", "NotDue", delay)


def for_resume(delay: timedelta) -> ApplicationError:
    """The campaign is paused."""
    return _later(
        "the campaign is paused; the send goes on when it is resumed", "CampaignPaused", delay
    )


def held_up(delay: timedelta = _AT_ONCE) -> ApplicationError:
    """This run was too slow to call."""
    return _later("the run was held up before its call; another one calls", "HeldUp", delay)


def overtaken() -> ApplicationError:
    """Another run has called since, and will give the outcome."""
    return ApplicationError(
        "another run of this delivery has called the provider meanwhile", type="Overtaken"
    )


def elsewhere(now: datetime) -> DeliveryWait:
    """A first try has left its call under way: its process joins it, another one lets it go on.

    By the end of this wait the call has begun, or its lease is over.
    """
    why = "its call is under way in the worker that has begun it"
    return DeliveryWait(why=why, kind="UnderWay", until=now + 2 * LEASE)


def still(wait: DeliveryWait, now: datetime) -> ApplicationError:
    """The first try has begun to wait."""
    return _later(wait.why, wait.kind, wait.until - now)


def wait_of(error: ApplicationError, now: datetime) -> DeliveryWait | None:
    """What one of these errors waits for; None: it is another error."""
    if error.next_retry_delay is None or error.type is None:
        return None
    return DeliveryWait(why=error.message, kind=error.type, until=now + error.next_retry_delay)


def _later(why: str, error_type: str, delay: timedelta) -> ApplicationError:
    return ApplicationError(
        why,
        type=error_type,
        category=ApplicationErrorCategory.BENIGN,
        next_retry_delay=max(delay, _AT_ONCE),
    )
