"""The commands `madan-sara campaign ...`."""

from pathlib import Path
from typing import Annotated

import typer

from madan_sara.cli.running import EXIT_CODES, OK, After, AsJson, Limit, Yes, run
from madan_sara.contracts.campaign import CampaignStatus

campaigns = typer.Typer(
    help="Save, watch and steer campaigns.", epilog=EXIT_CODES, no_args_is_help=True
)

CampaignId = Annotated[str, typer.Argument(metavar="CAMPAIGN_ID", help="As in its file.")]


@campaigns.command("save", epilog=EXIT_CODES)
def save_campaign(
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON file; - for standard input")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Save a campaign, new or changed; a status or start the file leaves out stays."""
    from madan_sara.cli import actions

    run(lambda: actions.save_campaign(file, yes=yes), as_json=as_json)


@campaigns.command("status", epilog=EXIT_CODES)
def campaign_status(
    campaign_id: CampaignId,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it as it runs, until it is over or Ctrl-C.")
    ] = False,
    interval: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Seconds between two looks, with --watch.")
    ] = 1.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Answer as one JSON document; with --watch, one a line.")
    ] = False,
) -> None:
    """Show a campaign's outcomes, budget, daily limit, pacing and prospects."""
    from madan_sara.cli import campaign_reports

    if not watch:
        run(lambda: campaign_reports.status(campaign_id), as_json=as_json)
    from madan_sara.cli import watching

    try:
        run(lambda: watching.watch(campaign_id, interval_seconds=interval, as_json=as_json))
    except KeyboardInterrupt:  # The viewer has seen enough; the last picture stays.
        raise typer.Exit(OK) from None


@campaigns.command("list", epilog=EXIT_CODES)
def list_campaigns(
    status: Annotated[CampaignStatus | None, typer.Option(help="Only these.")] = None,
    limit: Limit = 50,
    after: After = None,
    as_json: AsJson = False,
) -> None:
    """List campaigns, the newest first, a page at a time."""
    from madan_sara.cli import finding_actions

    run(lambda: finding_actions.campaigns(status, after, limit), as_json=as_json)


@campaigns.command("analytics", epilog=EXIT_CODES)
def campaign_analytics(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Show a campaign's returns: costs, engagement, conversions and ROI by channel."""
    from madan_sara.cli import campaign_reports

    run(lambda: campaign_reports.analytics(campaign_id), as_json=as_json)


@campaigns.command("validate", epilog=EXIT_CODES)
def validate_campaign(
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON file; - for standard input")],
    as_json: AsJson = False,
) -> None:
    """Name everything that is wrong with a campaign's file; nothing is connected or stored."""
    from madan_sara.cli import campaign_files

    run(lambda: campaign_files.validate(file), as_json=as_json)


@campaigns.command("import", epilog=EXIT_CODES)
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
    """Queue the recipients of a file; those the campaign has already are passed over."""
    from madan_sara.cli import campaign_files

    run(
        lambda: campaign_files.import_recipients(campaign_id, file, region, rejects, quiet=as_json),
        as_json=as_json,
    )


@campaigns.command("start", epilog=EXIT_CODES)
def start_campaign(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Start sending to a campaign's recipients; start it again after adding more."""
    from madan_sara.cli import campaign_actions

    run(lambda: campaign_actions.start(campaign_id), as_json=as_json)


@campaigns.command("pause", epilog=EXIT_CODES)
def pause(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Send nothing until it is resumed, messages asleep included."""
    from madan_sara.cli import campaign_actions

    run(lambda: campaign_actions.pause(campaign_id), as_json=as_json)


@campaigns.command("resume", epilog=EXIT_CODES)
def resume(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Send again; messages that came due meanwhile go within their allowed hours."""
    from madan_sara.cli import campaign_actions

    run(lambda: campaign_actions.resume(campaign_id), as_json=as_json)


@campaigns.command("cancel", epilog=EXIT_CODES)
def cancel_campaign(
    campaign_id: CampaignId,
    reason: Annotated[
        str, typer.Option(help="Kept, and shown in the Web UI: no personal data.")
    ] = "no reason given",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Withdraw a campaign for good: unsent messages are closed, their money given back."""
    from madan_sara.cli import campaign_actions

    run(lambda: campaign_actions.cancel(campaign_id, reason, yes=yes), as_json=as_json)


@campaigns.command("set", epilog=EXIT_CODES)
def change_campaign(
    campaign_id: CampaignId,
    daily_limit: Annotated[int | None, typer.Option(min=0, help="Messages a day.")] = None,
    budget: Annotated[str | None, typer.Option(help="Total budget.")] = None,
    end_date: Annotated[
        str | None,
        typer.Option(
            metavar="ISO_TIME",
            help="A later end: a day of the campaign's zone, or a time (no offset: UTC).",
        ),
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Change a campaign's limits while it runs; refused below what is held or spent."""
    from madan_sara.cli import campaign_actions

    run(
        lambda: campaign_actions.change(campaign_id, daily_limit, budget, end_date, yes=yes),
        as_json=as_json,
    )
