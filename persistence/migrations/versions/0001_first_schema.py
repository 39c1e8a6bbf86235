"""First schema: campaigns, messages, claims, budget, attempts, receipts, suppressions.

What must never happen is a constraint here, so that no race and no bug above
can store it: two live claims on a person by one campaign, money or messages
beyond a limit, two accepted attempts of one message, a hold ended twice.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_EXTENSIONS = (
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
)

_CAMPAIGNS = """
CREATE TABLE campaigns (
    tenant_id   uuid NOT NULL,
    campaign_id uuid NOT NULL,
    name        text NOT NULL,
    status      text NOT NULL
                CHECK (status IN ('draft', 'active', 'paused', 'completed', 'cancelled')),
    config      jsonb NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, campaign_id)
)
"""

# Equal content is stored once: a campaign's thousands of messages share one row.
_CONTENTS = """
CREATE TABLE contents (
    tenant_id  uuid NOT NULL,
    digest     text NOT NULL,
    body       jsonb NOT NULL,
    PRIMARY KEY (tenant_id, digest)
)
"""

# A message changes a few times and none of it is indexed: with room on its page, each
# change stays there and no index hears of it. Likewise the accounts, which change all day.
_MESSAGES = """
CREATE TABLE messages (
    message_id      uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    campaign_id     uuid NOT NULL,
    recipient_id    text NOT NULL,
    idempotency_key text NOT NULL,
    request_digest  text NOT NULL,
    profile         jsonb NOT NULL,
    content_digest  text NOT NULL,
    force_send      boolean NOT NULL,
    state           text NOT NULL DEFAULT 'deciding'
                    CHECK (state IN ('deciding', 'scheduled', 'sending', 'sent', 'unknown',
                                     'blocked', 'failed', 'cancelled')),
    reason          text,
    details         jsonb NOT NULL DEFAULT '{}',
    warnings        jsonb NOT NULL DEFAULT '[]',
    routing         jsonb,
    plan            jsonb,
    channel         text,
    scheduled_at    timestamptz,
    sent_at         timestamptz,
    created_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    UNIQUE (tenant_id, idempotency_key),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns,
    FOREIGN KEY (tenant_id, content_digest) REFERENCES contents
) WITH (fillfactor = 60)
"""

_MESSAGES_BY_CAMPAIGN = """
CREATE INDEX messages_by_campaign ON messages (tenant_id, campaign_id)
"""

# A claim covers from its instant onwards until its message is sent, then until the
# look-back window after the send has passed. Ranges only ever shrink, so that closing
# one cannot collide with another.
_CLAIMS = """
CREATE TABLE recipient_claims (
    message_id   uuid PRIMARY KEY REFERENCES messages,
    tenant_id    uuid NOT NULL,
    campaign_id  uuid NOT NULL,
    recipient_id text NOT NULL,
    covers       tstzrange NOT NULL,
    claimed_at   timestamptz NOT NULL,
    sent_at      timestamptz,
    released_at  timestamptz,
    forced       boolean NOT NULL,
    channel      text,
    texts        text[] NOT NULL,
    CONSTRAINT one_live_claim_per_campaign EXCLUDE USING gist (
        tenant_id WITH =, recipient_id WITH =, campaign_id WITH =, covers WITH &&
    ) WHERE (released_at IS NULL AND NOT forced)
)
"""

# Counts the claims granted on a person. A claim is judged on facts read before it; it is
# stored only if the count is still the one read with them.
_TURNS = """
CREATE TABLE recipient_turns (
    tenant_id    uuid NOT NULL,
    recipient_id text NOT NULL,
    turn         bigint NOT NULL,
    PRIMARY KEY (tenant_id, recipient_id)
)
"""

_CLAIMS_BY_PERSON = """
CREATE INDEX live_claims_by_person ON recipient_claims (tenant_id, recipient_id)
    WHERE released_at IS NULL
"""

_ACCOUNTS = """
CREATE TABLE budget_accounts (
    tenant_id     uuid NOT NULL,
    campaign_id   uuid NOT NULL,
    scope         text NOT NULL CHECK (scope IN ('campaign', 'channel', 'day')),
    key           text NOT NULL,
    limit_micros  bigint,
    held_micros   bigint NOT NULL DEFAULT 0 CHECK (held_micros >= 0),
    spent_micros  bigint NOT NULL DEFAULT 0 CHECK (spent_micros >= 0),
    message_limit bigint,
    message_count bigint NOT NULL DEFAULT 0 CHECK (message_count >= 0),
    PRIMARY KEY (tenant_id, campaign_id, scope, key),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns,
    CONSTRAINT spend_within_limit CHECK (held_micros + spent_micros <= limit_micros),
    CONSTRAINT messages_within_limit CHECK (message_count <= message_limit)
) WITH (fillfactor = 20)
"""

# Append-only. `hold` and `release` or `settle` come in pairs per attempt; `spend` is
# money spent outside any attempt.
_ENTRIES = """
CREATE TABLE budget_entries (
    message_id    uuid NOT NULL,
    attempt_no    integer NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('hold', 'settle', 'release', 'spend')),
    tenant_id     uuid NOT NULL,
    campaign_id   uuid NOT NULL,
    channel       text NOT NULL,
    day           date NOT NULL,
    amount_micros bigint NOT NULL CHECK (amount_micros >= 0),
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (message_id, attempt_no, kind)
)
"""

_ONE_END_PER_HOLD = """
CREATE UNIQUE INDEX one_end_per_hold ON budget_entries (message_id, attempt_no)
    WHERE kind IN ('settle', 'release')
"""

_ENTRIES_BY_CAMPAIGN = """
CREATE INDEX budget_entries_by_campaign ON budget_entries (tenant_id, campaign_id, created_at)
"""

_ATTEMPTS = """
CREATE TABLE attempts (
    message_id          uuid NOT NULL REFERENCES messages,
    attempt_no          integer NOT NULL CHECK (attempt_no >= 1),
    tenant_id           uuid NOT NULL,
    channel             text NOT NULL,
    provider            text NOT NULL,
    idempotency_key     text NOT NULL UNIQUE,
    state               text NOT NULL CHECK (state IN ('sending', 'not_sent', 'accepted',
                                                       'refused', 'unknown', 'bounced')),
    tries               integer NOT NULL,
    -- Kept apart from the state: the bounce may be heard before the acceptance is recorded.
    bounced             boolean NOT NULL DEFAULT false,
    provider_message_id text,
    code                text,
    called_at           timestamptz,
    concluded_at        timestamptz,
    PRIMARY KEY (message_id, attempt_no)
)
"""

_ONE_ACCEPTED = """
CREATE UNIQUE INDEX one_accepted_attempt ON attempts (message_id) WHERE state = 'accepted'
"""

_EVENTS = """
CREATE TABLE delivery_events (
    provider          text NOT NULL,
    provider_event_id text NOT NULL,
    tenant_id         uuid NOT NULL,
    message_id        uuid NOT NULL REFERENCES messages,
    attempt_no        integer NOT NULL,
    kind              text NOT NULL,
    code              text,
    occurred_at       timestamptz NOT NULL,
    received_at       timestamptz NOT NULL,
    PRIMARY KEY (provider, provider_event_id)
)
"""

_EVENTS_BY_MESSAGE = """
CREATE INDEX delivery_events_by_message ON delivery_events (message_id)
"""

# A suppression names a recipient or an address; without a channel it covers all.
_SUPPRESSIONS = """
CREATE TABLE suppressions (
    tenant_id    uuid NOT NULL,
    subject_kind text NOT NULL CHECK (subject_kind IN ('recipient', 'address')),
    subject      text NOT NULL,
    channel      text,
    reason       text NOT NULL,
    created_at   timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (tenant_id, subject_kind, subject, channel)
)
"""

_ENGAGEMENT = """
CREATE TABLE engagement_stats (
    tenant_id    uuid NOT NULL,
    recipient_id text NOT NULL,
    channel      text NOT NULL,
    messages     bigint NOT NULL DEFAULT 0,
    opens        bigint NOT NULL DEFAULT 0,
    clicks       bigint NOT NULL DEFAULT 0,
    replies      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, recipient_id, channel)
)
"""

_STATEMENTS = (
    *_EXTENSIONS,
    _CAMPAIGNS,
    _CONTENTS,
    _MESSAGES,
    _MESSAGES_BY_CAMPAIGN,
    _CLAIMS,
    _TURNS,
    _CLAIMS_BY_PERSON,
    _ACCOUNTS,
    _ENTRIES,
    _ONE_END_PER_HOLD,
    _ENTRIES_BY_CAMPAIGN,
    _ATTEMPTS,
    _ONE_ACCEPTED,
    _EVENTS,
    _EVENTS_BY_MESSAGE,
    _SUPPRESSIONS,
    _ENGAGEMENT,
)


def upgrade() -> None:
    """Create the schema."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop the schema."""
    op.execute(
        "DROP TABLE engagement_stats, suppressions, delivery_events, attempts, budget_entries, "
        "budget_accounts, recipient_turns, recipient_claims, messages, contents, campaigns"
    )
