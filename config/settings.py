"""Settings of the worker and the client library.

Read when asked for, never at import. Every variable starts with `MADAN_SARA_`;
the connection to Temporal follows Temporal's own conventions
(`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, a profile file).
"""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

#: An empty variable counts as one that is not set.
_FROM_ENVIRONMENT = SettingsConfigDict(
    env_prefix="MADAN_SARA_", env_ignore_empty=True, extra="ignore"
)


class DatabaseSettings(BaseSettings):
    """Where the facts are kept."""

    model_config = _FROM_ENVIRONMENT

    #: SQLAlchemy URL with the asyncpg driver: `postgresql+asyncpg://user:password@host/name`.
    database_url: SecretStr
    #: Up to twice as many connections are opened for the statements of messages, and kept; up to
    #: fifteen for everything else.
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 10


class TenantDefaults(BaseSettings):
    """The settings of campaigns without their own."""

    model_config = _FROM_ENVIRONMENT

    dedup_lookback_hours: int = 24
    max_messages_per_day: int = 3
    max_messages_per_week: int = 10
    max_fallback_attempts: int = 3
    respect_timezones: bool = True
    min_spacing_minutes: int = 30
    channel_deduplication: Literal["off", "prefer", "strict"] = "prefer"
    #: Price of one message by channel, as JSON: `{"sms": "0.0075"}`; others keep their default.
    prices: dict[str, Decimal] = Field(default_factory=dict)


class WorkerSettings(DatabaseSettings):
    """The worker's settings beside the database: providers and their limits."""

    smtp_host: str | None = None
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    smtp_security: Literal["none", "starttls", "tls"] = "starttls"
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    #: Certificates to trust instead of the system's, as a PEM file.
    smtp_ca_file: str | None = None
    #: Up to the content: to connect, to log in, to announce sender and recipient.
    smtp_announce_timeout_seconds: Annotated[float, Field(gt=0, le=90)] = 80.0
    #: For the answer to the content, which servers scan first.
    smtp_content_timeout_seconds: Annotated[float, Field(gt=0, le=70)] = 60.0
    #: Sender of every e-mail: `Name <address>`.
    smtp_sender: str = "Madan Sara <outreach@example.com>"
    #: Where a recipient unsubscribes; `{message_id}` is filled in.
    unsubscribe_url: str | None = None
    unsubscribe_mailto: str | None = None

    #: The sandbox provider plays every channel but e-mail.
    sandbox_url: str | None = None
    #: For a whole call; more would outlast a delivery.
    sandbox_timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 5.0
    sandbox_idempotency_keys: bool = True
    sandbox_look_up: bool = True

    #: Provider calls per second by channel, over all workers, as JSON: `{"sms": 10}`. The least
    #: is about one a day.
    rate_limits: dict[str, Annotated[float, Field(ge=0.00001)]] = Field(default_factory=dict)
    #: Channels whose calls this worker makes, as JSON; None: all.
    delivery_channels: frozenset[str] | None = None
    #: Whether it runs workflows and their steps; else it only makes calls.
    carries_outreaches: bool = True
    #: How often a send in a paused campaign looks whether it may go on.
    pause_poll_seconds: Annotated[float, Field(gt=0)] = 30.0
    #: Messages of one campaign that may be decided or handed over at once, over all workers.
    campaign_in_motion: Annotated[int, Field(ge=1)] = 40
    #: Workflow instances kept in memory between their tasks.
    cached_workflows: Annotated[int, Field(ge=1)] = 1000
