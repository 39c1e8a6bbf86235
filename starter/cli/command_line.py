"""The command line `madan-sara`: send messages, watch them, steer them.

Whatever takes long to import waits until a command needs it: `--help` takes a tenth of
the time.
"""

import sys
from typing import Annotated, NoReturn

import typer

from config.ending import exit_process
from contracts.channels import Channel
from starter.cli.campaign_commands import campaigns
from starter.cli.running import BAD_INPUT, EXIT_CODES, OK, AsJson, run

app = typer.Typer(
    help="Send outreaches, see why they go where and when, and steer them.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(campaigns, name="campaign")

MessageId = Annotated[str, typer.Argument(metavar="MESSAGE_ID", help="As `send` answered.")]
Wait = Annotated[int, typer.Option(min=0, max=3600, help="Seconds to wait for a worker.")]


@app.command(epilog=EXIT_CODES)
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

    run(lambda: orders.send(request, wait_seconds=wait), as_json=as_json)


@app.command(epilog=EXIT_CODES)
def status(message_id: MessageId, as_json: AsJson = False) -> None:
    """Say where a message stands: channel, times, attempts, next wake."""
    from starter.cli import orders

    run(lambda: orders.status(message_id), as_json=as_json)


@app.command(epilog=EXIT_CODES)
def explain(message_id: MessageId, as_json: AsJson = False) -> None:
    """Say why this channel, time and price; or why a message is not sent, and what to do."""
    from starter.cli import orders

    run(lambda: orders.explain(message_id), as_json=as_json)


@app.command(epilog=EXIT_CODES)
def cancel(message_id: MessageId, as_json: AsJson = False) -> None:
    """Withdraw a message; what a provider has taken already stays sent."""
    from starter.cli import orders

    run(lambda: orders.cancel(message_id), as_json=as_json)


@app.command(epilog=EXIT_CODES)
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

    run(lambda: orders.reschedule(message_id, at, wait_seconds=wait), as_json=as_json)


@app.command(epilog=EXIT_CODES)
def fallback(message_id: MessageId, wait: Wait = 30, as_json: AsJson = False) -> None:
    """Give a message's channel up for its next one: while it is asleep, or once it bounced."""
    from starter.cli import orders

    run(lambda: orders.fallback(message_id, wait_seconds=wait), as_json=as_json)


@app.command(epilog=EXIT_CODES)
def suppress(
    recipient: Annotated[str | None, typer.Option(help="A recipient_id.")] = None,
    address: Annotated[str | None, typer.Option(help="An e-mail address, number, handle.")] = None,
    channel: Annotated[Channel | None, typer.Option(help="Only this one; else all.")] = None,
    reason: Annotated[str, typer.Option(help="Kept and shown: no personal data.")] = (
        "asked not to be contacted"
    ),
    as_json: AsJson = False,
) -> None:
    """Never contact a recipient or an address again."""
    from starter.cli import orders

    run(lambda: orders.suppress(recipient, address, channel, reason), as_json=as_json)


@app.command(epilog=EXIT_CODES)
def convert(
    message_id: MessageId,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="What it brought, like 49.90.")],
    conversion_id: Annotated[
        str | None, typer.Option("--id", help="Your name for it; counted once per name.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="ISO_TIME", help="When; else now. No offset: UTC.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count what a message brought in: a sale, a booking, a sign-up (value 0)."""
    from starter.cli import campaign_reports

    run(
        lambda: campaign_reports.convert(message_id, value, conversion_id, at),
        as_json=as_json,
    )


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    exit_process(_run_app())


def _run_app() -> int:
    try:
        return int(app(prog_name="madan-sara", standalone_mode=False) or OK)
    except typer.TyperException as fault:
        # Typer's own rendering takes a box of many lines; help has no message.
        message = " ".join(fault.format_message().replace("Value error, ", "").split())
        sys.stderr.write(f"error: {message} See `madan-sara --help`.\n" if message else "")
        return BAD_INPUT


if __name__ == "__main__":
    main()
