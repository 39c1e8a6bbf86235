"""The command line `madan-sara`: send messages, watch them, steer them.

Whatever takes long to import waits until a command needs it: `--help` takes a tenth of
the time.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Final

import typer

from contracts.channels import Channel

if TYPE_CHECKING:
    from starter.cli.orders import Order

OK: Final = 0
WILL_NOT_BE_SENT: Final = 1
BAD_INPUT: Final = 2
NOT_FOUND: Final = 3
UNREACHABLE: Final = 4

_EXIT_CODES: Final = (
    "Exit codes:\n\n"
    "0  done; a message asked about is sent or will be\n\n"
    "1  the message is blocked, failed or cancelled (send, status, reschedule, fallback)\n\n"
    "2  bad input: what, which field and what to do stands on standard error\n\n"
    "3  there is no such message or campaign\n\n"
    "4  the database or Temporal cannot be reached, or no worker answers"
)

app = typer.Typer(
    help="Send outreaches, see why they go where and when, and steer them.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
campaigns = typer.Typer(
    help="Save, watch and steer campaigns.", epilog=_EXIT_CODES, no_args_is_help=True
)
app.add_typer(campaigns, name="campaign")

MessageId = Annotated[str, typer.Argument(metavar="MESSAGE_ID", help="As `send` answered.")]
CampaignId = Annotated[str, typer.Argument(metavar="CAMPAIGN_ID", help="As in its file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as one JSON document.")]
Wait = Annotated[int, typer.Option(min=0, max=3600, help="Seconds to wait for a worker.")]


@app.command(epilog=_EXIT_CODES)
def send(
    request: Annotated[str, typer.Argument(metavar="FILE", help="JSON file; - for standard input")],
    wait: Wait = 30,
    as_json: AsJson = False,
) -> None:
    """Send one message; the answer is the decision, not the delivery.

    The file holds campaign_id, recipient_id, recipient_profile, content, and where wanted
    force_send and idempotency_key. In place of campaign_id it may hold a whole `campaign`,
    which is saved.
    """
    from starter.cli import orders

    _run(lambda: orders.send(request, wait_seconds=wait), as_json=as_json)


@app.command(epilog=_EXIT_CODES)
def status(message_id: MessageId, as_json: AsJson = False) -> None:
    """Say where a message stands: channel, times, attempts, next wake."""
    from starter.cli import orders

    _run(lambda: orders.status(message_id), as_json=as_json)


@app.command(epilog=_EXIT_CODES)
def explain(message_id: MessageId, as_json: AsJson = False) -> None:
    """Say why this channel, time and price; or why a message is not sent, and what to do."""
    from starter.cli import orders

    _run(lambda: orders.explain(message_id), as_json=as_json)


@app.command(epilog=_EXIT_CODES)
def cancel(message_id: MessageId, as_json: AsJson = False) -> None:
    """Withdraw a message; what a provider has taken already stays sent."""
    from starter.cli import orders

    _run(lambda: orders.cancel(message_id), as_json=as_json)


@app.command(epilog=_EXIT_CODES)
def reschedule(
    message_id: MessageId,
    at: Annotated[
        str, typer.Argument(metavar="ISO_TIME", help="2030-05-01T09:30-05:00; no offset: UTC.")
    ],
    wait: Wait = 30,
    as_json: AsJson = False,
) -> None:
    """Move a message that is asleep to another time."""
    from starter.cli import orders

    _run(lambda: orders.reschedule(message_id, at, wait_seconds=wait), as_json=as_json)


@app.command(epilog=_EXIT_CODES)
def fallback(message_id: MessageId, wait: Wait = 30, as_json: AsJson = False) -> None:
    """Give a message's channel up for its next one: while it is asleep, or once it bounced."""
    from starter.cli import orders

    _run(lambda: orders.fallback(message_id, wait_seconds=wait), as_json=as_json)


@app.command(epilog=_EXIT_CODES)
def suppress(
    recipient: Annotated[str | None, typer.Option(help="A recipient_id.")] = None,
    address: Annotated[str | None, typer.Option(help="An e-mail address, number, handle.")] = None,
    channel: Annotated[Channel | None, typer.Option(help="Only this one; else all.")] = None,
    reason: Annotated[str, typer.Option(help="Kept, and shown when it blocks.")] = (
        "asked not to be contacted"
    ),
    as_json: AsJson = False,
) -> None:
    """Never contact a recipient or an address again."""
    from starter.cli import orders

    _run(lambda: orders.suppress(recipient, address, channel, reason), as_json=as_json)


@campaigns.command("save", epilog=_EXIT_CODES)
def save_campaign(
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON file; - for standard input")],
    as_json: AsJson = False,
) -> None:
    """Save a campaign, new or changed; a status or start the file leaves out stays."""
    from starter.cli import orders

    _run(lambda: orders.save_campaign(file), as_json=as_json)


@campaigns.command("status", epilog=_EXIT_CODES)
def campaign_status(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Show a campaign's budget, daily limit, pacing and totals."""
    from starter.cli import orders

    _run(lambda: orders.campaign_status(campaign_id), as_json=as_json)


@campaigns.command("pause", epilog=_EXIT_CODES)
def pause(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Accept nothing new, and let what is asleep wait."""
    _set_status(campaign_id, "paused", as_json=as_json)


@campaigns.command("resume", epilog=_EXIT_CODES)
def resume(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Accept and send again."""
    _set_status(campaign_id, "active", as_json=as_json)


@campaigns.command("cancel", epilog=_EXIT_CODES)
def cancel_campaign(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Withdraw a campaign; what is asleep is blocked when it wakes."""
    _set_status(campaign_id, "cancelled", as_json=as_json)


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(_run_app())


def _run_app() -> int:
    try:
        return int(app(prog_name="madan-sara", standalone_mode=False) or OK)
    except typer.TyperException as fault:
        # Typer's own rendering takes a box of many lines; help has no message.
        message = " ".join(fault.format_message().replace("Value error, ", "").split())
        sys.stderr.write(f"error: {message} See `madan-sara --help`.\n" if message else "")
        return BAD_INPUT


def _set_status(campaign_id: str, wanted: str, *, as_json: bool) -> None:
    from contracts.campaign import CampaignStatus
    from starter.cli import orders

    _run(lambda: orders.set_campaign_status(campaign_id, CampaignStatus(wanted)), as_json=as_json)


def _run(prepare: "Callable[[], Order]", *, as_json: bool) -> None:
    """Carry an order out, show its reply or what stands against it, and exit."""
    raise typer.Exit(_exit_code(prepare, as_json=as_json))


def _exit_code(prepare: "Callable[[], Order]", *, as_json: bool) -> int:
    from contracts.faults import InvalidRequestError
    from starter.cli.orders import execute
    from starter.cli.session import UnreachableError
    from starter.cli.terminal import show, show_error, show_json

    try:
        reply = asyncio.run(execute(prepare()))
    except InvalidRequestError as fault:
        show_error(str(fault))
        return BAD_INPUT
    except UnreachableError as fault:
        show_error(str(fault))
        return UNREACHABLE
    except LookupError as fault:
        if type(fault) is not LookupError:
            raise  # A KeyError is a mistake of ours, not an unknown message.
        show_error(str(fault))
        return NOT_FOUND
    show_json(reply.document) if as_json else show(reply.view)
    return OK if reply.stands else WILL_NOT_BE_SENT


if __name__ == "__main__":
    main()
