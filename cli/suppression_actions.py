"""The action of the command that suppresses people and addresses, or lifts that."""

from madan_sara.cli.actions import Action, Reply
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.starter.orchestrator import OutreachOrchestrator


def suppress(
    recipient_id: str | None, address: str | None, channel: Channel | None, reason: str
) -> Action:
    """Never contact a recipient or an address again."""
    recipient, contact = _meant(recipient_id, address)

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        await orchestrator.suppress(
            recipient_id=recipient, address=contact, channel=channel, reason=reason
        )
        document = {
            "recipient_id": recipient,
            "address": contact,
            "channel": channel,
            "reason": reason,
        }
        on = f"on {channel}" if channel else "on any channel"
        return Reply(
            document, f"{recipient or contact} will not be contacted {on} again: {reason}."
        )

    return action


def lift(recipient_id: str | None, address: str | None, channel: Channel | None) -> Action:
    """Allow contact again."""
    recipient, contact = _meant(recipient_id, address)

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        lifted = await orchestrator.lift_suppression(
            recipient_id=recipient, address=contact, channel=channel
        )
        text = [
            f"{each['recipient_id'] or each['address']} may be contacted again on "
            f"{each['channel'] or 'any channel'} (since {each['since'][:10]}: {each['reason']})."
            for each in lifted
        ]
        return Reply({"lifted": lifted}, "\n".join(text))

    return action


def _meant(recipient_id: str | None, address: str | None) -> tuple[str | None, str | None]:
    """The recipient or address meant, without blanks around it."""
    recipient, contact = recipient_id and recipient_id.strip(), address and address.strip()
    if bool(recipient) == bool(contact):
        raise InvalidRequestError(
            "--recipient, --address: give one of them, not empty, to say who is meant"
        )
    return recipient or None, contact or None
