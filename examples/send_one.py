"""Send a message that is still asleep, ask where it stands, move it, withdraw it."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

from rich import print_json as show

from madan_sara import OutreachCampaign, OutreachOrchestrator


async def main() -> None:
    """Run the example against the system the environment names."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    campaign = OutreachCampaign(
        name="Saturday bread", channels=["email", "whatsapp"], start_date=tomorrow
    )
    marie = {"name": "Marie", "contact_info": {"email": "marie@example.com"}}
    text = {"default": "Bonjou {{ name }}, shall we keep a loaf for you?"}

    async with await OutreachOrchestrator.connect() as orchestrator:
        sent = await orchestrator.send_outreach(campaign, "marie", marie, text)
        show(data=sent)
        message_id = UUID(sent["message_id"])

        status = await orchestrator.get_status(message_id)
        show(status.model_dump_json(include={"state", "plan", "next_wake_at"}))

        noon = (tomorrow + timedelta(days=2)).replace(hour=12, minute=0, second=0)
        show(data=await orchestrator.reschedule(message_id, noon))

        await orchestrator.cancel(message_id)


if __name__ == "__main__":
    asyncio.run(main())
