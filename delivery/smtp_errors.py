"""The error or result for a negative answer of an SMTP server."""

from madan_sara.activities.sender import Refused
from madan_sara.contracts.errors import (
    MisconfiguredProviderError,
    NotTakenError,
    ProviderUnavailableError,
    TransientDeliveryError,
)
from madan_sara.delivery.smtp_replies import Meaning, NegativeReply, Stage


def refusal_of(negative: NegativeReply, server: str) -> Refused:
    """A refusal as a result.

    Args:
        negative: the meaning of the answer.
        server: the server as shown to people.

    Raises:
        NotTakenError: the answer is not final.
    """
    if negative.meaning is Meaning.REFUSED:
        return Refused(negative.code)
    raise error_of(negative, server)


def error_of(negative: NegativeReply, server: str) -> NotTakenError:
    """The error of an answer that is no refusal of the message; arguments as above."""
    code, wait = negative.code, negative.retry_after
    if negative.meaning is Meaning.PUT_OFF:
        return TransientDeliveryError(
            f"SMTP server {server} puts the recipient off ({code})", wait, code=code
        )
    if negative.meaning is Meaning.MISCONFIGURED:
        return MisconfiguredProviderError(
            f"SMTP server {server} {_trouble(negative.stage, code)}", wait, code=code
        )
    return ProviderUnavailableError(
        f"SMTP server {server} takes nothing from us for the moment ({code})", wait, code=code
    )


def _trouble(stage: Stage, code: str) -> str:
    """The settings that a human has to correct."""
    if stage is Stage.LOGIN:
        return f"refuses the login ({code}); check username and password"
    if stage is Stage.CONNECTING:
        return f"refuses to talk to us ({code}); ask its operator"
    if code.startswith("smtp_53"):
        return f"wants a login or encryption first ({code}); check username, password and security"
    return f"takes no mail from us ({code}); check sender and login, or ask its operator"
