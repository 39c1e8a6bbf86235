"""The actions of commands that take a campaign's files, once their arguments are read."""

import asyncio
from pathlib import Path

from madan_sara.cli.actions import Action, Reply
from madan_sara.cli.campaign_summary import summary_view
from madan_sara.cli.progress import import_bar
from madan_sara.cli.request_file import parse_id, read_campaign
from madan_sara.cli.terminal import show_error
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.starter.campaign_summary import campaign_summary
from madan_sara.starter.environment import tenant_settings
from madan_sara.starter.importing.run import ImportResult
from madan_sara.starter.orchestrator import OutreachOrchestrator


def validate(path: str) -> Reply:
    """All violations of a campaign's file; else a summary of the campaign."""
    defaults = tenant_settings()
    try:
        campaign, violations = read_campaign(path, defaults)
    except InvalidRequestError as error:  # The file holds no campaign to check.
        campaign, violations = None, [str(error)]
    if campaign is None or violations:
        return Reply({"valid": False, "errors": violations}, "", violations=violations)
    summary = campaign_summary(campaign, defaults)
    return Reply({"valid": True, **summary}, summary_view(summary))


def import_recipients(
    campaign_id: str, path: Path, region: str | None, rejects: Path | None, *, quiet: bool
) -> Action:
    """Queue the recipients of a file in a campaign."""
    campaign = parse_id(campaign_id, "CAMPAIGN_ID")

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        try:
            with import_bar(quiet=quiet) as on_progress:
                result = await orchestrator.import_recipients(
                    campaign, path, region=region, rejects=rejects, on_progress=on_progress
                )
        except asyncio.CancelledError:  # Ctrl-C
            show_error("interrupted; what is stored stays, and the same command goes on from there")
            raise
        return Reply(dict(result), _summary(result), stands=not result["rejected"])

    return action


def _summary(result: ImportResult) -> str:
    rate = result["rows_read"] / max(result["seconds"], 0.001)
    counts = (
        f"{result['rows_read']:,} rows read in {result['seconds']:.1f} s ({rate:,.0f} a second): "
        f"{result['added']:,} added, {result['known']:,} known already, "
        f"{result['rejected']:,} rejected."
    )
    parts = [counts]
    if result["columns"]:
        parts.append(f"Columns: {', '.join(result['columns'])}.")
    parts += [f"Warning: {warning}." for warning in result["warnings"]]
    if lines := result["known_lines"]:
        more = result["known"] - len(lines)
        parts.append(
            f"Known already, by an import before or further up in the file: "
            f"line {', '.join(map(str, lines))}{f' and {more:,} more' if more else ''}."
        )
    if result["unreachable"]:
        parts.append(_unreachable(result))
    if result["rejects_file"]:
        parts.append(f"Rejected rows, each with its line and the reason: {result['rejects_file']}")
    if result["reopened"]:
        parts.append(
            "The campaign had completed and is open again for those who were added: "
            f"`madan-sara campaign start {result['campaign_id']}` goes on."
        )
    return "\n".join(parts)


def _unreachable(result: ImportResult) -> str:
    """The added recipients who will get nothing, and why."""
    lines, channels = result["unreachable_lines"], ", ".join(result["channels"])
    more = result["unreachable"] - len(lines)
    return (
        f"Warning: {result['unreachable']:,} of the {result['added']:,} added cannot be reached, "
        f"as they have no address on any of the campaign's channels ({channels}): "
        f"line {', '.join(map(str, lines))}{f' and {more:,} more' if more else ''}. They get "
        "nothing and end as failed, no_viable_channel."
    )
