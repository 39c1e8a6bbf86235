"""The provider of each channel."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from madan_sara.activities.sender import MessageSender
from madan_sara.config.settings import WorkerSettings
from madan_sara.contracts.channels import Channel
from madan_sara.delivery.email_smtp import EmailSmtpSender
from madan_sara.delivery.sandbox import SandboxSender
from madan_sara.delivery.smtp_settings import SmtpSettings

#: Longest text of the channels the sandbox plays, in what `policy.text_length` counts, as
#: their real providers document it: Twilio for sms (a concatenated message), Meta for
#: WhatsApp, Instagram and Messenger, X for direct messages.
_MAX_CHARACTERS: Final[Mapping[Channel, int]] = MappingProxyType(
    {
        Channel.SMS: 1_600,
        Channel.WHATSAPP: 4_096,
        Channel.INSTAGRAM: 1_000,
        Channel.FACEBOOK: 2_000,
        Channel.TWITTER: 10_000,
    }
)


def build_senders(settings: WorkerSettings) -> dict[Channel, MessageSender]:
    """A sender for every channel that has a provider in the settings."""
    senders: dict[Channel, MessageSender] = {}
    if settings.smtp_host is not None:
        senders[Channel.EMAIL] = EmailSmtpSender(_smtp_settings(settings, settings.smtp_host))
    if settings.sandbox_url is not None:
        for channel in Channel:
            if channel is not Channel.EMAIL:
                senders[channel] = SandboxSender(
                    settings.sandbox_url,
                    channel,
                    idempotency_keys=settings.sandbox_idempotency_keys,
                    look_up=settings.sandbox_look_up,
                    timeout_seconds=settings.sandbox_timeout_seconds,
                    max_characters=_MAX_CHARACTERS.get(channel),
                )
    return senders


def rate_limits_of(settings: WorkerSettings) -> dict[Channel, float]:
    """Provider calls per second, of the channels that have a limit.

    Raises:
        ValueError: one is for a channel that does not exist.
    """
    _require_channels("MADAN_SARA_RATE_LIMITS", settings.rate_limits)
    return {Channel(name): limit for name, limit in settings.rate_limits.items()}


def delivery_channels_of(
    settings: WorkerSettings, with_provider: Iterable[Channel]
) -> set[Channel]:
    """Channels whose calls this worker makes.

    Args:
        settings: the worker's.
        with_provider: the channels that have one.

    Raises:
        ValueError: one does not exist, or has no provider.
    """
    chosen, known = settings.delivery_channels, set(with_provider)
    if chosen is None:
        return known
    _require_channels("MADAN_SARA_DELIVERY_CHANNELS", chosen)
    if missing := chosen - known:
        raise ValueError(
            f"MADAN_SARA_DELIVERY_CHANNELS: {', '.join(sorted(missing))} has no provider in the "
            "settings of this worker; give all workers the same providers"
        )
    return known & chosen


def _require_channels(variable: str, names: Iterable[str]) -> None:
    if unknown := set(names) - set(Channel):
        raise ValueError(
            f"{variable}: {', '.join(sorted(unknown))} is no channel; "
            f"the channels are {', '.join(Channel)}"
        )


def _smtp_settings(settings: WorkerSettings, host: str) -> SmtpSettings:
    return SmtpSettings(
        host=host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        username=settings.smtp_username,
        password=settings.smtp_password,
        sender=settings.smtp_sender,
        announce_timeout_seconds=settings.smtp_announce_timeout_seconds,
        content_timeout_seconds=settings.smtp_content_timeout_seconds,
        ca_file=settings.smtp_ca_file,
        unsubscribe_url=settings.unsubscribe_url,
        unsubscribe_mailto=settings.unsubscribe_mailto,
    )
