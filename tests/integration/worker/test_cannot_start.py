"""A worker whose settings cannot be used says so in one line, and ends."""

import pytest

from tests.integration.cli.cli import run_module

#: No server can listen on this port.
_NO_SERVER = "127.0.0.1:1"


@pytest.fixture
def usable(dsn, temporal) -> dict[str, str]:
    return {"MADAN_SARA_DATABASE_URL": dsn, "TEMPORAL_ADDRESS": temporal.address}


async def _complaint(settings: dict[str, str]) -> str:
    """The one line a worker with these settings ends with."""
    outcome = await run_module("madan_sara.worker", settings=settings)
    assert (outcome.code, outcome.out) == (1, "")
    (line,) = outcome.err.splitlines()
    return line


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MADAN_SARA_DATABASE_URL", "", "database_url: is missing"),
        ("MADAN_SARA_DATABASE_URL", "nonsense", "MADAN_SARA_DATABASE_URL: no usable address"),
        ("MADAN_SARA_SMTP_PORT", "0", "smtp_port: must be greater than or equal to 1 (got '0')"),
        ("MADAN_SARA_SMTP_SECURITY", "ssl", "smtp_security: must be 'none', 'starttls' or 'tls'"),
        ("MADAN_SARA_RATE_LIMITS", "10", "rate_limits"),
        ("MADAN_SARA_RATE_LIMITS", "{sms: 10}", "rate_limits"),
        ("MADAN_SARA_RATE_LIMITS", '{"sms": 0}', "rate_limits.sms: must be greater than or"),
        ("MADAN_SARA_RATE_LIMITS", '{"sms": 1e-300}', "rate_limits.sms: must be greater than or"),
        ("MADAN_SARA_RATE_LIMITS", '{"fax": 10}', "MADAN_SARA_RATE_LIMITS: fax is no channel"),
        ("MADAN_SARA_DELIVERY_CHANNELS", '["fax"]', "CHANNELS: fax is no channel; the channels"),
        ("MADAN_SARA_DELIVERY_CHANNELS", '["sms"]', "CHANNELS: sms has no provider in the setti"),
        ("MADAN_SARA_SANDBOX_URL", "127.0.0.1", "sandbox_url: '127.0.0.1' is no http"),
        ("MADAN_SARA_SANDBOX_URL", "http://host:abc", "sandbox_url: 'http://host:abc' is no http"),
        ("MADAN_SARA_SANDBOX_URL", "http://[::1", "sandbox_url: 'http://[::1' is no http"),
        ("MADAN_SARA_DATABASE_URL", "postgresql+asyncpg://a@b:99999/x", "MADAN_SARA_DATABASE_URL"),
        ("MADAN_SARA_DATABASE_URL", "sqlite:///facts", "MADAN_SARA_DATABASE_URL: no usable"),
        ("MADAN_SARA_DATABASE_URL", "postgresql+asyncpg://a@b:port/x", "MADAN_SARA_DATABASE_URL"),
        ("MADAN_SARA_SANDBOX_URL", "http://host:99999", "sandbox_url: 'http://host:99999' is no h"),
        ("TEMPORAL_PROFILE", "nobody", "the settings of Temporal"),
        ("TEMPORAL_TLS_CLIENT_CERT_PATH", "/nowhere.pem", "/nowhere.pem"),
        ("MADAN_SARA_CACHED_WORKFLOWS", "0", "cached_workflows: must be greater than or equal"),
        (
            "TEMPORAL_ADDRESS",
            _NO_SERVER,
            f"Temporal cannot be reached at {_NO_SERVER}; set TEMPORAL_ADDRESS",
        ),
    ],
)
async def test_a_setting_that_cannot_be_used_is_named(usable, name, value, said):
    line = await _complaint({**usable, name: value})

    assert line.startswith("the worker cannot start: ")
    assert said in line
