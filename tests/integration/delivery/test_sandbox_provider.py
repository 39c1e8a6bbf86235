"""The sandbox provider itself: what it takes, remembers and holds."""

import asyncio
from contextlib import suppress
from uuid import uuid4

import httpx
import pytest

from madan_sara.contracts.channels import Channel
from madan_sara.emulators.sandbox import provider as sandbox_provider
from madan_sara.emulators.sandbox.behaviour import BEHAVIOURS, Behaviour, behaviour_for
from madan_sara.emulators.sandbox.provider import SandboxProvider


@pytest.fixture
async def provider(tmp_path):
    provider = SandboxProvider(journal_path=tmp_path / "journal.jsonl")
    await provider.start()
    yield provider
    await provider.stop()


@pytest.fixture
async def http(provider):
    async with httpx.AsyncClient(base_url=provider.url, trust_env=False) as client:
        yield client


def asked(to: str, key: str | None = None) -> dict[str, str | None]:
    return {"to": to, "text": "Bonjou", "idempotency_key": key, "message_id": str(uuid4())}


async def post(
    http: httpx.AsyncClient, to: str, key: str | None = None, channel: str = "sms"
) -> httpx.Response:
    return await http.post(f"/v1/{channel}/messages", json=asked(to, key))


async def look_up(http: httpx.AsyncClient, key: str, channel: str = "sms") -> httpx.Response:
    return await http.get(f"/v1/{channel}/messages", params={"idempotency_key": key})


@pytest.mark.parametrize(
    ("address", "behaviour"),
    [
        *((f"{trigger.word}-17", behaviour) for behaviour, trigger in BEHAVIOURS.items()),
        *((f"+50937001{t.phone_ending}", behaviour) for behaviour, t in BEHAVIOURS.items()),
        ("Ana_Refuse", Behaviour.REFUSE),
        ("refuse2", Behaviour.REFUSE),
        ("changchun", Behaviour.ACCEPT),
        ("flakyana", Behaviour.ACCEPT),
        ("+50937001234", Behaviour.ACCEPT),
        ("user-901", Behaviour.ACCEPT),
    ],
)
def test_the_address_asks_for_a_behaviour(address, behaviour):
    assert behaviour_for(address) is behaviour


def test_the_documented_table_is_the_table():
    for trigger in BEHAVIOURS.values():
        assert f"| `{trigger.word}` | {trigger.phone_ending} |" in (sandbox_provider.__doc__ or "")


async def test_a_second_request_with_a_key_gets_the_first_answer(http, provider):
    first = await post(http, "+50937001234", "k:1")
    second = await post(http, "+50937001234", "k:1")
    other = await post(http, "+50937001234", "k:2")
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json() != other.json()
    assert [(e.taken, e.duplicate_of_key) for e in provider.log] == [
        (True, False),
        (False, True),
        (True, False),
    ]
    assert len(provider.taken(Channel.SMS)) == 2
    assert provider.taken(Channel.CHAT) == []


async def test_the_feed_is_paged_by_sequence(http):
    for number in range(3):
        await post(http, "bounce-1" if number else "ana", f"k:{number}", "chat")
    page = (await http.get("/v1/receipts", params={"after": 1})).json()
    assert [receipt["sequence"] for receipt in page["items"]] == [2, 3]
    assert page["next_after"] == 3
    receipts = (await http.get("/v1/receipts")).json()["items"]
    assert [r["kind"] for r in receipts] == ["delivered", "bounced", "bounced"]
    assert receipts[1]["idempotency_key"] == "k:1"
    for nowhere in ("x", "-1", "9" * 5_000):
        answer = await http.get("/v1/receipts", params={"after": nowhere})
        assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/v1/receipts", "/v1/chat/messages", "/v1/log"])
async def test_no_answer_shows_an_address_or_a_text(http, path):
    await post(http, "ana", "k:1", "chat")
    body = (await http.get(path, params={"idempotency_key": "k:1"})).text
    assert "ana" not in body
    assert "Bonjou" not in body


async def test_flaky_fails_twice_per_key_and_takes_nothing_meanwhile(http, provider):
    statuses = [(await post(http, "+50937001903", "k:1")).status_code for _ in range(4)]
    assert statuses == [500, 500, 202, 202]
    assert len(provider.taken()) == 1


async def test_a_busy_recipient_is_put_off_twice_per_key_by_a_code_of_its_own(http, provider):
    answers = [await post(http, "busy-1", "k:1", "chat") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [409, 409, 202]
    assert answers[0].json() == {"code": "recipient_busy"}
    assert answers[0].headers["Retry-After"] == "1"
    assert len(provider.taken()) == 1


async def test_a_refusal_for_years_or_with_the_address_takes_nothing(http, provider):
    for _ in range(3):
        away = await post(http, "years-1", "k:1", "chat")
        assert (away.status_code, int(away.headers["Retry-After"]) > 3e8) == (503, True)
    parroting = await post(http, "+50937001911", "k:2")
    assert (parroting.status_code, parroting.json()) == (422, {"code": "+50937001911"})
    assert (await look_up(http, "k:1", "chat")).status_code == 404
    assert (await look_up(http, "k:2")).json()["status"] == "refused"
    assert provider.taken() == []


@pytest.mark.parametrize("word", ["endless", "bomb", "garbage", "tangled", "giant", "nul", "extra"])
async def test_a_bad_answer_is_one_to_a_message_taken_once_and_is_well_the_second_time(
    http, provider, word
):
    async with asyncio.timeout(30):
        request = http.build_request(
            "POST", "/v1/chat/messages", json=asked(f"{word}-1", "k:1"), timeout=None
        )
        with suppress(httpx.RemoteProtocolError):  # Of garbage not even a head can be read.
            await (await http.send(request, stream=True)).aclose()
    again = await post(http, f"{word}-1", "k:1", "chat")
    assert again.status_code == 202
    assert again.json() == (await look_up(http, "k:1", "chat")).json()
    assert [entry.provider_message_id for entry in provider.taken()] == [
        again.json()["provider_message_id"]
    ]


async def test_a_look_up_names_its_key_and_reports_a_held_request(http, provider):
    unknown = await look_up(http, "k:1")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_key")
    stalling = asyncio.create_task(post(http, "+50937001908", "k:1"))
    await provider.wait_for(lambda log: len(log) == 1)
    pending = await look_up(http, "k:1")
    assert (pending.status_code, pending.json()["status"]) == (202, "pending")
    assert (await look_up(http, "k:1", "whatsapp")).status_code == 404
    provider.release()
    taken = await stalling
    assert (await look_up(http, "k:1")).json() == taken.json()
    for answer in (unknown, pending, taken):
        assert answer.json()["idempotency_key"] == "k:1"


async def test_a_held_request_that_was_dropped_is_unknown_again(http, provider):
    stalling = asyncio.create_task(post(http, "+50937001908", "k:1"))
    await provider.wait_for(lambda log: len(log) == 1)
    await provider.stop()
    with pytest.raises(httpx.TransportError):
        await stalling
    await provider.start()
    async with httpx.AsyncClient(base_url=provider.url, trust_env=False) as http_again:
        assert (await look_up(http_again, "k:1")).json()["code"] == "unknown_key"


async def test_a_hanging_message_is_taken_before_it_is_answered(http, provider):
    hanging = asyncio.create_task(post(http, "hang-1", "k:1", "chat"))
    await provider.wait_for(lambda log: len(log) == 1)
    assert len(provider.taken()) == 1
    again = await post(http, "hang-1", "k:1", "chat")
    assert not hanging.done()
    await http.post("/v1/control/release")
    assert (await hanging).json() == again.json()
    assert len(provider.taken()) == 1


async def test_stalling_messages_of_one_key_are_taken_once_and_only_when_released(http, provider):
    stalling = [asyncio.create_task(post(http, "+50937001908", "k:1")) for _ in range(2)]
    await provider.wait_for(lambda log: len(log) == 2)
    assert provider.taken() == []
    provider.release()
    first, second = [await task for task in stalling]
    assert first.json() == second.json()
    assert len(provider.taken()) == 1


async def test_a_stalling_message_is_taken_though_its_sender_has_gone(http, provider):
    leaving = asyncio.create_task(post(http, "+50937001908", "k:1"))
    await provider.wait_for(lambda log: len(log) == 1)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    provider.release()
    await provider.wait_for(lambda log: any(entry.taken for entry in log))


async def test_stopping_drops_held_requests(provider):
    async with httpx.AsyncClient(base_url=provider.url, trust_env=False) as http:
        held = [
            asyncio.create_task(post(http, f"{word}-1", channel="chat"))
            for word in ("hang", "stall", "vanish")
        ]
        await provider.wait_for(lambda log: len(log) == 3)
        await provider.stop()
        ends = await asyncio.gather(*held, return_exceptions=True)
    assert all(isinstance(end, httpx.TransportError) for end in ends)
    assert [entry.behaviour for entry in provider.taken()] == [Behaviour.HANG]


async def test_a_second_start_still_knows_the_messages_it_took(http, provider, tmp_path):
    first = await post(http, "+50937001234", "k:1")
    await post(http, "+50937001901", "k:2")
    await post(http, "+50937001902", "k:3")
    await provider.stop()
    journal = tmp_path / "journal.jsonl"
    # Killed in the middle of a line.
    journal.write_bytes(journal.read_bytes() + b'{"type": "requ')

    second = SandboxProvider(journal_path=journal)
    assert second.log == provider.log
    assert second.receipts == provider.receipts
    await second.start()
    async with httpx.AsyncClient(base_url=second.url, trust_env=False) as http_again:
        assert (await post(http_again, "+50937001234", "k:1")).json() == first.json()
        assert (await post(http_again, "+50937001901", "k:2")).status_code == 422
        statuses = [(await post(http_again, "+50937001902", "k:3")).status_code for _ in "ab"]
        assert statuses == [429, 202]
    await second.stop()
    assert len(SandboxProvider(journal_path=journal).log) == 7


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/email/messages", asked("ana@example.com"), 404, "unknown_channel"),
        ("/v1/fax/messages", asked("+50937001234"), 404, "unknown_channel"),
        ("/v1/sms/messages", {"to": "+50937001234"}, 400, "invalid_request"),
        ("/v1/sms/messages", [], 400, "invalid_request"),
    ],
)
async def test_nonsense_is_reported_so_and_not_logged(http, provider, path, body, status, code):
    answer = await http.post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert list(provider.log) == []


async def test_waiting_for_a_request_that_never_comes_ends(provider):
    with pytest.raises(TimeoutError):
        await provider.wait_for(lambda log: len(log) > 0, timeout_seconds=0.01)


def test_before_it_is_started_there_is_no_url():
    with pytest.raises(RuntimeError, match="before it is started"):
        _ = SandboxProvider().url


async def test_a_provider_that_is_away_finishes_its_requests_and_comes_back(http, provider):
    url = provider.url
    await post(http, "+50937001234", "k:1")
    held = asyncio.create_task(post(http, "stall-1", "k:2", channel="instagram"))
    await provider.wait_for(lambda log: len(log) == 2)

    await provider.go_away()
    with pytest.raises(httpx.RemoteProtocolError):
        await held
    with pytest.raises(httpx.ConnectError):
        await post(http, "+50937001235", "k:3")
    assert not provider.has_failed

    await provider.come_back()
    assert provider.url == url
    known = await http.get("/v1/sms/messages", params={"idempotency_key": "k:1"})
    assert known.json()["status"] == "accepted"
    unknown = await http.get("/v1/instagram/messages", params={"idempotency_key": "k:2"})
    assert unknown.status_code == 404
    assert (await post(http, "+50937001235", "k:3")).status_code == 202
