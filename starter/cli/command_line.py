"""The command line `madan-sara`: send messages, watch them, steer them.

Whatever takes long to import waits until a command needs it: `--help` takes a tenth of
the time.
"""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from contracts.channels import Channel

if TYPE_CHECKING:
    from starter.cli.orders import Order, Reply

OK: Final = 0
WILL_NOT_BE_SENT: Final = 1
BAD_INPUT: Final = 2
NOT_FOUND: Final = 3
UNREACHABLE: Final = 4

_EXIT_CODES: Final = (
    "Exit codes:\n\n"
    "0  done; a message asked about is sent or will be\n\n"
    "1  the message is blocked, failed or cancelled (send, status, reschedule, fallback); "
    "rows were rejected (campaign import)\n\n"
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


@campaigns.command("validate", epilog=_EXIT_CODES)
def validate_campaign(
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON file; - for standard input")],
    as_json: AsJson = False,
) -> None:
    """Name everything that is wrong with a campaign's file; nothing is connected or stored."""
    from starter.cli import campaign_files

    _run(lambda: campaign_files.validate(file), as_json=as_json)


@campaigns.command("import", epilog=_EXIT_CODES)
def import_recipients(
    campaign_id: CampaignId,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=".csv, .jsonl or .ndjson")],
    region: Annotated[
        str | None, typer.Option(help="Country of phone numbers without +, like HT.")
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Where rejected rows go; else beside the file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Queue the recipients of a file; whom the campaign has already is passed over."""
    from starter.cli import campaign_files

    _run(
        lambda: campaign_files.import_recipients(
            campaign_id, file, region, rejects, quiet=as_json
        ),
        as_json=as_json,
    )


@campaigns.command("start", epilog=_EXIT_CODES)
def start_campaign(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Start sending to the recipients a campaign has; again, once more were added."""
    from starter.cli import campaign_orders

    _run(lambda: campaign_orders.start(campaign_id), as_json=as_json)


@campaigns.command("pause", epilog=_EXIT_CODES)
def pause(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Send nothing until it is resumed, what is asleep included."""
    from starter.cli import campaign_orders

    _run(lambda: campaign_orders.pause(campaign_id), as_json=as_json)


@campaigns.command("resume", epilog=_EXIT_CODES)
def resume(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Send again; what was due meanwhile goes within its allowed hours."""
    from starter.cli import campaign_orders

    _run(lambda: campaign_orders.resume(campaign_id), as_json=as_json)


@campaigns.command("cancel", epilog=_EXIT_CODES)
def cancel_campaign(
    campaign_id: CampaignId,
    reason: Annotated[str, typer.Option(help="Kept with the campaign.")] = "no reason given",
    as_json: AsJson = False,
) -> None:
    """Withdraw a campaign for good: what is unsent is closed, its money given back."""
    from starter.cli import campaign_orders

    _run(lambda: campaign_orders.cancel(campaign_id, reason), as_json=as_json)


@campaigns.command("set", epilog=_EXIT_CODES)
def change_campaign(
    campaign_id: CampaignId,
    daily_limit: Annotated[int | None, typer.Option(min=0, help="Messages a day.")] = None,
    budget: Annotated[str | None, typer.Option(help="Total budget.")] = None,
    end_date: Annotated[
        str | None, typer.Option(metavar="ISO_TIME", help="A later end; no offset: UTC.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change a campaign's limits while it runs; refused below what is held or spent."""
    from starter.cli import campaign_orders

    _run(
        lambda: campaign_orders.change(campaign_id, daily_limit, budget, end_date),
        as_json=as_json,
    )


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


def _run(prepare: "Callable[[], Order | Reply]", *, as_json: bool) -> None:
    """Carry an order out, show its reply or what stands against it, and exit."""
    raise typer.Exit(_exit_code(prepare, as_json=as_json))


def _exit_code(prepare: "Callable[[], Order | Reply]", *, as_json: bool) -> int:
    from contracts.faults import InvalidRequestError
    from starter.cli.orders import Reply, execute
    from starter.cli.session import UnreachableError
    from starter.cli.terminal import show, show_error, show_json

    try:
        prepared = prepare()
        reply = prepared if isinstance(prepared, Reply) else asyncio.run(execute(prepared))
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
    if reply.faults and not as_json:
        for fault in reply.faults:
            show_error(fault)
        return BAD_INPUT
    show_json(reply.document) if as_json else show(reply.view)
    if reply.faults:
        return BAD_INPUT
    return OK if reply.stands else WILL_NOT_BE_SENT


if __name__ == "__main__":
    main()
