"""Neither a history nor a log keeps a quoted person."""

import asyncio
import json
from uuid import uuid4

import pytest
from temporalio.client import WorkflowExecutionStatus

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import FINAL_STATES
from madan_sara.delivery.email_smtp import EmailSmtpSender, SmtpSettings
from madan_sara.persistence.database import Query
from tests.fakes.sender import ScriptedSender
from tests.integration.delivery.scripted_smtp import ScriptedSmtp
from tests.makers import make_campaign
from tests.privacy import people_found
from tests.waiting import eventually

#: A mail server's answers by command, by the first part of the address they are asked for.
_SAYS = {
    "unknown": ("RCPT", "550 5.1.1 <{to}>: {text} is unknown"),
    "code": ("RCPT", "550 {to}"),
    "none": ("RCPT", "{to}"),
    "lines": ("RCPT", "550-5.1.1 {to}\r\n550-{to} {text}\r\n550 5.1.1 {text}"),
    "mixed": ("RCPT", "550-{to}\r\n250 {text}"),
    "unwanted": ("content", "554 5.7.1 '{text}' to {to} looks like spam"),
    "queued": ("content", "250 2.0.0 <{to}> queued as {to}"),
    "broken": ("content", "{text}"),
}

_TEMPLATES = (
    "Bonjou {{ town[name] }}",
    "Bonjou {{ name[town].first }}",
    "Bonjou {{ name | date: town }}",
    "Bonjou {{ name | divided_by: 0 }}",
    "Bonjou {{ town | times: name }}",
    "{% for each in name %}{{ each.town }}{% endfor %}",
    "{% if name > 3 %}{{ name }}{% endif %} Bonjou",
    "{% assign name = town | split: name %}{{ name.last.first }}",
)

_PROFILES = (
    """{"name": ["%s"]}""",
    """{"contact_info": {"email": {"%s": 1}}}""",
    """{"timezone": "%s", "language": 7}""",
    """{"preferences": {"preferred_channel": "%s"}}""",
    """{"attributes": {"%s": {"%s": "x"}}}""",
    """{"engagement_history": {"%s": "%s"}}""",
)

_OTHER_PROFILE = Query("""
UPDATE messages SET profile = CAST(:document AS jsonb) WHERE message_id = :message_id
RETURNING message_id
""")
_OTHER_TEXT = Query("""
UPDATE contents c SET body = CAST(:document AS jsonb) FROM messages m
 WHERE m.message_id = :message_id AND (c.tenant_id, c.digest) = (m.tenant_id, m.content_digest)
RETURNING m.message_id
""")


class QuotingSmtp(ScriptedSmtp):
    """Quotes a mail's recipient, and a text."""

    def _answer(self, command: str, recipient: str) -> str:
        moment, answer = _SAYS.get(recipient.partition(".")[0], ("", ""))
        if command != moment:
            return super()._answer(command, recipient)
        return answer.format(to=recipient, text=f"Dear {recipient.partition('@')[0]}")


@pytest.fixture
def secret():
    return f"kretyen{uuid4().hex}"


@pytest.fixture
def campaign(tenant_id):
    return make_campaign(tenant_id, channels=["email"])


def person_called(secret, mailbox):
    address = f"{mailbox}.{secret}@example.com"
    return {
        "name": f"Kretyen {secret}",
        "contact_info": {"email": address},
        "attributes": {"town": f"{secret} Jacmel"},
    }


@pytest.mark.parametrize("mailbox", _SAYS)
async def test_what_a_mail_server_quotes(stage, campaign, tenant_id, kept_folder, secret, mailbox):
    async with QuotingSmtp({}).serving() as server:
        settings = SmtpSettings(
            host="127.0.0.1", port=server.port, security="none", sender="n@shop.test"
        )
        sender = EmailSmtpSender(settings)
        stage.exits.push_async_callback(sender.close)
        await stage.cast({Channel.EMAIL: sender})
        handle = await stage.start(
            campaign,
            person_called(secret, mailbox),
            {"email": f"Bonjou {{{{ name }}}}, {secret}"},
            recipient_id=f"{mailbox}.{secret}",
        )

        async def answered() -> bool:
            record = await stage.record(handle, tenant_id)
            return any(attempt.state != "sending" for attempt in record.attempts)

        await eventually(answered, "the answer is on record")
        await handle.cancel()  # Where the answer says to try later.

        async def over() -> bool:
            return (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING

        await eventually(over, "the outreach has ended")
    assert people_found(kept_folder, [secret]) == []


async def test_what_a_template_makes_of_a_person(stage, campaign, kept_folder, secret):
    """Texts of another version, which this one would not have taken."""
    handles = [
        await stage.start(
            campaign,
            person_called(secret, f"n{number}"),
            {"email": {"subject": "Bonjou", "text": f"Bonjou {number} {secret}"}},
            recipient_id=f"{number}.{secret}",
        )
        for number in range(len(_TEMPLATES))
    ]
    for handle, template in zip(handles, _TEMPLATES, strict=True):
        body = {"email": {"subject": template, "text": template}}
        await _spoil(stage, handle, _OTHER_TEXT, json.dumps(body))
    await stage.cast({Channel.EMAIL: ScriptedSender()})
    ends = await asyncio.gather(*(handle.result() for handle in handles))
    assert {end.state for end in ends} <= FINAL_STATES
    assert people_found(kept_folder, [secret]) == []


async def _spoil(stage, handle, query, document):
    changed = {"document": document, "message_id": handle.id[-36:]}
    assert await stage.database.fetch(query, changed)


async def test_what_this_version_cannot_read(stage, campaign, kept_folder, secret):
    """Rows of another version; what can be read of them makes the sender fail."""
    handles = [
        await stage.start(
            campaign,
            person_called(secret, f"n{number}"),
            {"email": "Bonjou {{ name }}"},
            recipient_id=f"{number}.{secret}",
        )
        for number in range(len(_PROFILES))
    ]
    for handle, profile in zip(handles, _PROFILES, strict=True):
        await _spoil(stage, handle, _OTHER_PROFILE, profile.replace("%s", secret))

    async def fail(message):
        raise ValueError(f"{secret} is not what {message.address} looks like")

    await stage.cast({Channel.EMAIL: ScriptedSender(fail)})
    ends = await asyncio.gather(*(handle.result() for handle in handles))
    assert {end.state for end in ends} <= FINAL_STATES
    assert people_found(kept_folder, [secret]) == []
