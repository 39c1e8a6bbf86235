"""No answer over HTTP brings more out of the sender than the port has words for."""

import json
from datetime import UTC
from email.utils import format_datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from madan_sara.activities.sender import Accepted, Refused
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import NotTakenError
from madan_sara.delivery.sandbox import SandboxSender
from tests.integration.delivery.raw_http import RawHttp, saying
from tests.integration.delivery.sender_contract import assert_can_be_kept, outcome, outgoing

_ADDRESS, _KEY, _CANARY = "+50937001234", "k:1", "Zoé Sans-Souci"
_SAID = st.sampled_from(
    ["p-1", _ADDRESS, _ADDRESS[1:], _CANARY, _KEY, "accepted", "refused", "unknown_key", "gone"]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | _SAID,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_FIELDS = st.sampled_from(["code", "status", "provider_message_id", "idempotency_key", "detail"])
_BODIES = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda content: json.dumps(content).encode(),
        st.dictionaries(_FIELDS, _VALUES | _SAID) | _VALUES,
    ),
)
_NAMES = st.sampled_from(
    ["Retry-After", "Content-Encoding", "Content-Length", "Transfer-Encoding", "Location",
     "Set-Cookie", "Connection", "Upgrade", "X-Note"]
)  # fmt: skip
_CONTENTS = st.one_of(
    st.sampled_from(["0", "99999999999", "-1", "gzip", "chunked", "close", _CANARY, _ADDRESS]),
    st.text(st.characters(codec="latin-1"), max_size=30),
    st.datetimes().map(lambda moment: format_datetime(moment.replace(tzinfo=UTC), usegmt=True)),
)
_ANSWERS = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda status, headers, body: (
            f"HTTP/1.1 {status} {_CANARY}\r\n".encode("latin-1")
            + b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in headers)
            + b"\r\n"
            + body
        ),
        st.integers(100, 999) | st.sampled_from([200, 202, 404, 422, 503]),
        st.lists(st.tuples(_NAMES, _CONTENTS), max_size=3),
        _BODIES,
    ),
)
_PROPERTY = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
async def liar():
    """A server whose answer may be changed from one request to the next."""
    async with RawHttp(saying(b"")).serving() as server:
        yield server


@given(raw=_ANSWERS)
@example(raw=b'HTTP/1.1 409 x\r\n\r\n{"code": {}}')
@_PROPERTY
async def test_any_answer_ends_in_a_result_or_an_error_that_quotes_nothing(liar, raw):
    liar.talk = saying(raw)
    message = outgoing(Channel.WHATSAPP, _ADDRESS)
    ended = await outcome(sender_to(liar), message)
    assert_can_be_kept(ended, message)
    assert _CANARY not in str(ended)


@given(raw=_ANSWERS)
@_PROPERTY
async def test_only_one_answer_to_a_look_up_means_never_taken(liar, raw):
    liar.talk = saying(raw)
    known = await looked_up(sender_to(liar))
    if known is None:
        assert raw.startswith(b"HTTP/1.1 404")
        assert b'"unknown_key"' in raw
    else:
        assert_can_be_kept(known, outgoing(Channel.WHATSAPP, _ADDRESS))
        assert _CANARY not in str(known)


async def looked_up(sender: SandboxSender) -> Accepted | Refused | NotTakenError | None:
    """What a look-up came to, one way or the other."""
    try:
        return await sender.look_up(_KEY)
    except NotTakenError as error:
        return error


def sender_to(server: RawHttp) -> SandboxSender:
    return SandboxSender(server.url, Channel.WHATSAPP, idempotency_keys=True, look_up=True)
