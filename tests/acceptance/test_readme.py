"""What the README shows runs as it stands there."""

import re
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import contracts.campaign
import contracts.delivery
import starter.orchestrator
import workflows.outreach
from contracts.channels import Channel
from contracts.outreach import OutreachState

README = (Path(__file__).parents[2] / "README.md").read_text()


async def test_the_client_code_starts_queries_updates_and_signals(
    workers, dsn, temporal, monkeypatch
):
    monkeypatch.setenv("MADAN_SARA_DATABASE_URL", dsn)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.address)
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {
        "OutreachCampaign": contracts.campaign.OutreachCampaign,
        "OutreachOrchestrator": starter.orchestrator.OutreachOrchestrator,
        "OutreachWorkflow": workflows.outreach.OutreachWorkflow,
        "DeliveryEventSignal": contracts.delivery.DeliveryEventSignal,
        "UUID": UUID,
        "UTC": UTC,
        "datetime": datetime,
        "timedelta": timedelta,
    }
    body = textwrap.indent(code[1], "    ")
    exec(f"async def shown():\n{body}\n    return message_id", names)

    message_id = await names["shown"]()

    async with await names["OutreachOrchestrator"].connect() as orchestrator:
        status = await orchestrator.get_status(message_id)
        assert (status.state, status.plan.channel) == (OutreachState.SCHEDULED, Channel.WHATSAPP)
        await orchestrator.cancel(message_id)


def test_every_link_leads_somewhere():
    root = Path(__file__).parents[2]
    pages = [root / "README.md", root / "CONTRIBUTING.md", *root.glob("docs/**/*.md")]
    broken = [
        f"{page.relative_to(root)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
        if not target.startswith(("http:", "https:", "mailto:"))
        and not (page.parent / target).exists()
    ]
    assert broken == []
