"""A negative answer of an SMTP server as what is raised or returned for it."""

from madan_sara.activities.sender import Refused
from madan_sara.contracts.errors import (
    MisconfiguredProviderError,
    NotTakenError,
    ProviderUnavailableError,
    TransientDeliveryError,
)
from madan_sara.delivery.smtp_replies import Meaning, Stage, Verdict


def refusal_of(verdict: Verdict, server: str) -> Refused:
    """A refusal as a result.

    Args:
        verdict: what the answer means.
        server: the server as shown to people.

    Raises:
        NotTakenError: the answer is not final.
    """
    if verdict.meaning is Meaning.REFUSED:
        return Refused(verdict.code)
    raise error_of(verdict, server)


def error_of(verdict: Verdict, server: str) -> NotTakenError:
    """The error of an answer that is no refusal of the message; arguments as above."""
    code, wait = verdict.code, verdict.retry_after
    if verdict.meaning is Meaning.PUT_OFF:
        return TransientDeliveryError(
            f"SMTP server {server} puts the recipient off ({code})", wait, code=code
        )
    if verdict.meaning is Meaning.MISCONFIGURED:
        return MisconfiguredProviderError(
            f"SMTP server {server} {_trouble(verdict.stage, code)}", wait, code=code
        )
    return ProviderUnavailableError(
        f"SMTP server {server} takes nothing from us for the moment ({code})", wait, code=code
    )


def _trouble(stage: Stage, code: str) -> str:
    """What a human has to look at."""
    if stage is Stage.LOGIN:
        return f"refuses the login ({code}); check username and password"
    if stage is Stage.CONNECTING:
        return f"refuses to talk to us ({code}); ask its operator"
    if code.startswith("smtp_53"):
        return f"wants a login or encryption first ({code}); check username, password and security"
    return f"takes no mail from us ({code}); check sender and login, or ask its operator"
