"""The command line `madan-sara`: send messages, watch them, steer them.

Modules that take long to import wait until a command needs them: `--help` takes a tenth
of the time.
"""

from typing import Annotated, NoReturn

import typer

from madan_sara import __version__
from madan_sara.cli.campaign_commands import campaigns
from madan_sara.cli.running import BAD_INPUT, EXIT_CODES, OK, After, AsJson, Limit, run
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import ExitReason, OutreachState
from madan_sara.starter.ending import exit_process

app = typer.Typer(
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"madan-sara {__version__}")
        raise typer.Exit(OK)


@app.callback()
def options(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Send outreaches, see why they go where and when, and steer them."""


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
    force_send and idempotency_key. Instead of campaign_id it may hold a whole `campaign`,
    which is saved.
    """
    from madan_sara.cli import actions

    run(lambda: actions.send(request, wait_seconds=wait), as_json=as_json)


@app.command(epilog=EXIT_CODES)
def status(message_id: MessageId, as_json: AsJson = False) -> None:
    """Show a message's status: channel, times, attempts, next wake."""
    from madan_sara.cli import actions

    run(lambda: actions.status(message_id), as_json=as_json)


@app.command(epilog=EXIT_CODES)
def explain(message_id: MessageId, as_json: AsJson = False) -> None:
    """Say why this channel, time and price; or why a message is not sent, and what to do."""
    from madan_sara.cli import actions

    run(lambda: actions.explain(message_id), as_json=as_json)


@app.command(epilog=EXIT_CODES)
def messages(
    campaign_id: Annotated[str, typer.Argument(metavar="CAMPAIGN_ID", help="As in its file.")],
    state: Annotated[OutreachState | None, typer.Option(help="Only these.")] = None,
    reason: Annotated[ExitReason | None, typer.Option(help="Only these.")] = None,
    channel: Annotated[Channel | None, typer.Option(help="Only these.")] = None,
    recipient: Annotated[str | None, typer.Option(help="Only this one's, by id.")] = None,
    limit: Limit = 50,
    after: After = None,
    as_json: AsJson = False,
) -> None:
    """List a campaign's messages with their outcomes, a page at a time."""
    from madan_sara.cli import finding_actions
    from madan_sara.contracts.found import MessageFilter

    chosen = MessageFilter(state=state, reason=reason, channel=channel, recipient_id=recipient)
    run(lambda: finding_actions.messages(campaign_id, chosen, after, limit), as_json=as_json)


@app.command(epilog=EXIT_CODES)
def person(
    recipient: Annotated[str, typer.Argument(metavar="RECIPIENT", help="A recipient_id.")],
    limit: Limit = 50,
    after: After = None,
    as_json: AsJson = False,
) -> None:
    """Show one person's messages, sent or not, with the reasons, and what counts for the caps."""
    from madan_sara.cli import finding_actions

    run(lambda: finding_actions.person(recipient, after, limit), as_json=as_json)


@app.command(epilog=EXIT_CODES)
def cancel(message_id: MessageId, as_json: AsJson = False) -> None:
    """Withdraw a message; one that a provider has taken already stays sent."""
    from madan_sara.cli import actions

    run(lambda: actions.cancel(message_id), as_json=as_json)


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
    from madan_sara.cli import actions

    run(lambda: actions.reschedule(message_id, at, wait_seconds=wait), as_json=as_json)


@app.command(epilog=EXIT_CODES)
def fallback(message_id: MessageId, wait: Wait = 30, as_json: AsJson = False) -> None:
    """Give a message's channel up for its next one: while it is asleep, or once it bounced."""
    from madan_sara.cli import actions

    run(lambda: actions.fallback(message_id, wait_seconds=wait), as_json=as_json)


@app.command(epilog=EXIT_CODES)
def suppress(
    recipient: Annotated[str | None, typer.Option(help="A recipient_id.")] = None,
    address: Annotated[
        str | None, typer.Option(help="An e-mail address, number (+ and country), handle.")
    ] = None,
    channel: Annotated[Channel | None, typer.Option(help="Only this one; else all.")] = None,
    reason: Annotated[str, typer.Option(help="Kept and shown: no personal data.")] = (
        "asked not to be contacted"
    ),
    lift: Annotated[bool, typer.Option("--lift", help="Allow it again instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Never contact a recipient or an address again; with --lift, allow it again."""
    from madan_sara.cli import suppression_actions as actions

    if lift:
        run(lambda: actions.lift(recipient, address, channel), as_json=as_json)
    run(lambda: actions.suppress(recipient, address, channel, reason), as_json=as_json)


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
    """Count a conversion of a message: a sale, a booking, a sign-up (value 0)."""
    from madan_sara.cli import campaign_reports

    run(
        lambda: campaign_reports.convert(message_id, value, conversion_id, at),
        as_json=as_json,
    )


@app.command(epilog=EXIT_CODES)
def migrate(as_json: AsJson = False) -> None:
    """Bring the database to the newest schema; before the workers of a new version start."""
    from madan_sara.cli import installation_commands

    run(installation_commands.migrate, as_json=as_json)


@app.command(epilog=EXIT_CODES)
def healthcheck(as_json: AsJson = False) -> None:
    """Say whether the database and Temporal can be used; exit code 1 if one cannot."""
    from madan_sara.cli import installation_commands

    run(installation_commands.healthcheck, as_json=as_json)


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    exit_process(_run_app())


def _run_app() -> int:
    try:
        return int(app(prog_name="madan-sara", standalone_mode=False) or OK)
    except typer.TyperException as error:
        # Typer itself would draw a box of many lines; help has no message.
        message = error.format_message().replace("Value error, ", "")
        if message:
            from madan_sara.cli.terminal import show_error

            ended = message if message.endswith((".", "?", "!")) else f"{message}."
            show_error(f"{ended} See `madan-sara --help`.")
        return BAD_INPUT


if __name__ == "__main__":
    main()
