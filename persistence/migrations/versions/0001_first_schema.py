"""First schema: campaigns, messages, claims, budget, attempts, receipts, suppressions, tallies.

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
                CHECK (status IN ('draft', 'active', 'paused', 'completed', 'expired',
                                  'budget_exhausted', 'cancelled')),
    -- Everything but the status.
    config      jsonb NOT NULL,
    -- Counts the changes of the configuration.
    version     bigint NOT NULL DEFAULT 1,
    -- The parts of the configuration that statements read.
    channels    jsonb NOT NULL GENERATED ALWAYS AS (config -> 'channels') STORED
                CONSTRAINT channels_are_named
                CHECK (jsonb_typeof(channels) = 'array' AND channels <> '[]'),
    daily_limit bigint
                GENERATED ALWAYS AS (CAST(config ->> 'daily_limit' AS bigint)) STORED
                CHECK (daily_limit >= 0),
    daily_spend_limit_micros bigint
                GENERATED ALWAYS AS (CAST(
                    CAST(config ->> 'daily_spend_limit' AS numeric) * 1000000 AS bigint)) STORED
                CHECK (daily_spend_limit_micros >= 0),
    -- Without it a claim would cover its person for ever.
    dedup_lookback_hours integer NOT NULL
                GENERATED ALWAYS AS (CAST(
                    config #>> '{settings,dedup_lookback_hours}' AS integer)) STORED
                CHECK (dedup_lookback_hours >= 1),
    near_duplicate_days integer NOT NULL
                GENERATED ALWAYS AS (CAST(
                    config #>> '{settings,near_duplicate_days}' AS integer)) STORED
                CHECK (near_duplicate_days >= 0),
    -- Messages a day the campaign gives itself, within its daily limit (null: the limit),
    -- and the day it last thought about it (null: it has to).
    daily_share bigint CHECK (daily_share >= 0),
    share_day   date,
    -- Whether its recipients were ever started; single messages need no start.
    is_started  boolean NOT NULL DEFAULT false,
    -- The fewest segments a text message of its long batches has, which bring their own text;
    -- null: it has had none.
    batch_parts integer,
    -- The last wait its workflow reported, and until when; null: it does not wait.
    waits_for   text,
    wakes_at    timestamptz,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, campaign_id)
)
"""

_CAMPAIGNS_BY_AGE = """
CREATE INDEX campaigns_by_age ON campaigns (tenant_id, created_at, campaign_id)
"""

# Whether a tenant has a campaign of a name already.
_CAMPAIGNS_BY_NAME = """
CREATE INDEX campaigns_by_name ON campaigns (tenant_id, name, created_at)
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
    message_id      uuid NOT NULL,
    tenant_id       uuid NOT NULL,
    campaign_id     uuid NOT NULL,
    recipient_id    text NOT NULL,
    idempotency_key text NOT NULL,
    request_digest  text NOT NULL,
    profile         jsonb NOT NULL,
    -- By channel, in the form addresses are compared in.
    addresses       jsonb NOT NULL,
    content_digest  text NOT NULL,
    force_send      boolean NOT NULL,
    state           text NOT NULL DEFAULT 'deciding'
                    CHECK (state IN ('queued', 'deciding', 'scheduled', 'sending', 'sent',
                                     'unknown', 'blocked', 'failed', 'cancelled')),
    reason          text,
    details         jsonb NOT NULL DEFAULT '{}',
    warnings        jsonb NOT NULL DEFAULT '[]',
    routing         jsonb,
    plan            jsonb,
    channel         text,
    scheduled_at    timestamptz,
    -- How often it was put back into its campaign's queue; by it, a step that is late or run again
    -- knows that its generation is over.
    generation      integer NOT NULL DEFAULT 0,
    sent_at         timestamptz,
    created_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    PRIMARY KEY (tenant_id, message_id),
    UNIQUE (tenant_id, idempotency_key),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns,
    FOREIGN KEY (tenant_id, content_digest) REFERENCES contents
) WITH (fillfactor = 60)
"""

_MESSAGES_BY_CAMPAIGN = """
CREATE INDEX messages_by_campaign ON messages (tenant_id, campaign_id, message_id)
"""

# A person's messages, sent or not, over all campaigns.
_MESSAGES_BY_RECIPIENT = """
CREATE INDEX messages_by_recipient ON messages (tenant_id, recipient_id, created_at, message_id)
"""

# Messages whose campaign has still to start them, read page by page in the order of the key.
# A table of its own: an index on the state would have to hear of every change of a message.
_QUEUE = """
CREATE TABLE campaign_queue (
    tenant_id   uuid NOT NULL,
    campaign_id uuid NOT NULL,
    message_id  uuid NOT NULL,
    PRIMARY KEY (tenant_id, campaign_id, message_id),
    FOREIGN KEY (tenant_id, message_id) REFERENCES messages
)
"""

# A claim covers from its instant onwards until its message is sent, then until the
# look-back window after the send has passed. Ranges only shrink, so that closing one cannot
# collide with another; only a bounce opens one again, and then the constraint decides.
_CLAIMS = """
CREATE TABLE recipient_claims (
    message_id   uuid NOT NULL,
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
    -- Where the message may go, each as `kind:address`.
    addresses    text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, message_id),
    FOREIGN KEY (tenant_id, message_id) REFERENCES messages
)
"""

# A person is known by an id and by addresses, and may have several of each: a claim covers all
# that its message is known by. Kept by a trigger, so that every statement that makes, closes,
# reopens or releases a claim does the same with its identifiers.
_CLAIMED_IDENTIFIERS = """
CREATE TABLE claimed_identifiers (
    tenant_id   uuid NOT NULL,
    identifier  text NOT NULL,
    message_id  uuid NOT NULL,
    campaign_id uuid NOT NULL,
    covers      tstzrange NOT NULL,
    forced      boolean NOT NULL,
    PRIMARY KEY (tenant_id, identifier, message_id),
    CONSTRAINT one_live_claim_per_campaign EXCLUDE USING gist (
        tenant_id WITH =, identifier WITH =, campaign_id WITH =, covers WITH &&
    ) WHERE (NOT forced)
)
"""

_KEEP_IDENTIFIERS = """
CREATE FUNCTION keep_claimed_identifiers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND (TG_OP = 'DELETE' OR NEW.released_at IS NOT NULL
            OR (NEW.recipient_id, NEW.addresses) <> (OLD.recipient_id, OLD.addresses)) THEN
        DELETE FROM claimed_identifiers
         WHERE tenant_id = OLD.tenant_id AND message_id = OLD.message_id
           AND identifier = ANY(OLD.addresses || ('id:' || OLD.recipient_id));
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.released_at IS NULL THEN
        INSERT INTO claimed_identifiers (tenant_id, identifier, message_id, campaign_id, covers,
                                         forced)
        SELECT NEW.tenant_id, identifier, NEW.message_id, NEW.campaign_id, NEW.covers, NEW.forced
          FROM unnest(NEW.addresses || ('id:' || NEW.recipient_id)) AS identifier
            ON CONFLICT (tenant_id, identifier, message_id) DO UPDATE SET covers = excluded.covers;
    END IF;
    RETURN NULL;
END
$$
"""

_IDENTIFIERS_TRIGGER = """
CREATE TRIGGER keep_identifiers
    AFTER INSERT OR DELETE OR UPDATE OF covers, released_at, recipient_id, addresses
    ON recipient_claims FOR EACH ROW EXECUTE FUNCTION keep_claimed_identifiers()
"""

# Counts the claims granted on an identifier of a person. A claim is decided on facts read before
# it; it is stored only if the counts of all its identifiers are still those read with them.
_TURNS = """
CREATE TABLE recipient_versions (
    tenant_id  uuid NOT NULL,
    identifier text NOT NULL,
    version    bigint NOT NULL,
    PRIMARY KEY (tenant_id, identifier)
)
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
    last_due_at   timestamptz,
    -- Of the campaign's own account: when the campaign ends, and when the last booking is due. A
    -- save and a hold take turns at the account, so that no hold is taken behind an earlier end.
    ends_at       timestamptz,
    booked_due_at timestamptz,
    PRIMARY KEY (tenant_id, campaign_id, scope, key),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns,
    CONSTRAINT spend_within_limit CHECK (held_micros + spent_micros <= limit_micros),
    CONSTRAINT messages_within_limit CHECK (message_count <= message_limit),
    CONSTRAINT due_before_end CHECK (booked_due_at < ends_at)
) WITH (fillfactor = 20)
"""

# Append-only. `hold` and `release` or `settle` come in pairs per attempt; `spend` is
# money spent outside any attempt. A hold says when the send it pays for is due.
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
    due_at        timestamptz,
    PRIMARY KEY (tenant_id, message_id, attempt_no, kind)
)
"""

_ONE_END_PER_HOLD = """
CREATE UNIQUE INDEX one_end_per_hold ON budget_entries (tenant_id, message_id, attempt_no)
    WHERE kind IN ('settle', 'release')
"""

_ENTRIES_BY_CAMPAIGN = """
CREATE INDEX budget_entries_by_campaign
    ON budget_entries (tenant_id, campaign_id, kind, created_at)
"""

# The sends a campaign's end comes before. Holds alone are due; by its kind no other statement
# would be kept from reading all of a tenant's here.
_HOLDS_BY_DUE_TIME = """
CREATE INDEX holds_by_due_time
    ON budget_entries (tenant_id, campaign_id, due_at, message_id) WHERE due_at IS NOT NULL
"""

_ATTEMPTS = """
CREATE TABLE attempts (
    message_id          uuid NOT NULL,
    attempt_no          integer NOT NULL CHECK (attempt_no >= 1),
    tenant_id           uuid NOT NULL,
    channel             text NOT NULL,
    provider            text NOT NULL,
    idempotency_key     text NOT NULL,
    state               text NOT NULL CHECK (state IN ('sending', 'not_sent', 'accepted',
                                                       'refused', 'unknown', 'bounced')),
    -- How often a run was about to call; by it, runs of one delivery know which is the later.
    openings            integer NOT NULL DEFAULT 0,
    -- Calls that were answered about this message, or whose answers were lost. Not those
    -- that found the account out of service, and not those a crash may have prevented.
    tries               integer NOT NULL DEFAULT 0,
    -- An answer was lost at some time, found since or not.
    was_lost            boolean NOT NULL DEFAULT false,
    -- Kept apart from the state: the bounce may be heard before the acceptance is recorded.
    bounced             boolean NOT NULL DEFAULT false,
    provider_message_id text,
    code                text,
    called_at           timestamptz,
    -- When the last call was given up, its answer lost; null: it was interrupted, or answered.
    given_up_at         timestamptz,
    concluded_at        timestamptz,
    -- Since when it could not be handed over, until when it waits (null: it does not), for
    -- which account (null: for its recipient), and the campaign whose status shows it.
    -- How long it has waited is kept apart: nights and pauses are not counted.
    waiting_since       timestamptz,
    put_off_at          timestamptz,
    retry_at            timestamptz,
    waited              interval NOT NULL DEFAULT '0',
    account             text,
    -- It waits for its turn on a channel with a rate limit of ours: no waiting time counts that,
    -- unless an answer was lost.
    awaits_turn         boolean NOT NULL DEFAULT false,
    campaign_id         uuid,
    PRIMARY KEY (tenant_id, message_id, attempt_no),
    UNIQUE (tenant_id, idempotency_key),
    FOREIGN KEY (tenant_id, message_id) REFERENCES messages
)
"""

_WAITING = """
CREATE INDEX attempts_waiting ON attempts (tenant_id, campaign_id) WHERE retry_at IS NOT NULL
"""

# Accounts at providers that do not work: all tenants share them. One that works has no row.
_PROVIDER_ACCOUNTS = """
CREATE TABLE provider_accounts (
    account       text PRIMARY KEY,
    code          text NOT NULL,
    -- The last failure was that our settings are refused: an operator must correct them.
    refuses_settings boolean NOT NULL,
    failures      integer NOT NULL CHECK (failures >= 1),
    failing_since timestamptz NOT NULL,
    failed_at     timestamptz NOT NULL,
    -- Null: it has failed, but not often enough to be out of service.
    down_since    timestamptz,
    -- The next look whether it is back, and until when one is under way.
    probe_at      timestamptz NOT NULL,
    probing_until timestamptz NOT NULL,
    -- When the message that waits last comes back; the next one comes a moment later.
    next_turn_at  timestamptz NOT NULL
)
"""

# Accounts with a rate limit: all tenants share them, and all workers.
_CALL_RATES = """
CREATE TABLE call_rates (
    account      text PRIMARY KEY,
    -- When the next call may be made, and the last place of the line that waits for that.
    free_at      timestamptz NOT NULL,
    line_ends_at timestamptz NOT NULL,
    -- The last place before that line, for what came late for its own.
    front_ends_at timestamptz NOT NULL,
    -- When it was last asked: an earlier present means that the clock was set back.
    asked_at     timestamptz NOT NULL,
    -- The smallest space between calls that was asked for in this line. A smaller one is a
    -- raised limit; workers whose limits differ must not end the line again and again.
    apart        interval NOT NULL
)
"""

_ONE_ACCEPTED = """
CREATE UNIQUE INDEX one_accepted_attempt ON attempts (tenant_id, message_id)
    WHERE state = 'accepted'
"""

_EVENTS = """
CREATE TABLE delivery_events (
    provider          text NOT NULL,
    provider_event_id text NOT NULL,
    tenant_id         uuid NOT NULL,
    message_id        uuid NOT NULL,
    attempt_no        integer NOT NULL,
    kind              text NOT NULL,
    code              text,
    occurred_at       timestamptz NOT NULL,
    received_at       timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, provider, provider_event_id),
    FOREIGN KEY (tenant_id, message_id) REFERENCES messages
)
"""

_EVENTS_BY_MESSAGE = """
CREATE INDEX delivery_events_by_message ON delivery_events (tenant_id, message_id)
"""

# What is counted of a message once, however often it is reported: each kind of receipt, and
# `engaged` for the first reaction of any kind. Reports that race wait for each other at its key.
_COUNTED_ONCE = """
CREATE TABLE counted_once (
    tenant_id  uuid NOT NULL,
    message_id uuid NOT NULL,
    name       text NOT NULL,
    PRIMARY KEY (tenant_id, message_id, name)
)
"""

# A suppression names a recipient or an address; without a channel it covers all. The
# suppressions of one request are stored, and lifted, together; another request for the same
# mailbox has its own.
_SUPPRESSIONS = """
CREATE TABLE suppressions (
    tenant_id    uuid NOT NULL,
    subject_kind text NOT NULL CHECK (subject_kind IN ('recipient', 'address')),
    subject      text NOT NULL,
    channel      text,
    reason       text NOT NULL,
    created_at   timestamptz NOT NULL,
    request_id   uuid NOT NULL,
    UNIQUE NULLS NOT DISTINCT (tenant_id, subject_kind, subject, channel, request_id)
)
"""

_SUPPRESSIONS_BY_REQUEST = """
CREATE INDEX suppressions_by_request ON suppressions (tenant_id, request_id)
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

# A message's proceeds, reported by the seller; its sender cannot know them.
_CONVERSIONS = """
CREATE TABLE conversions (
    tenant_id     uuid NOT NULL,
    message_id    uuid NOT NULL,
    conversion_id text NOT NULL,
    value_micros  bigint NOT NULL CHECK (value_micros >= 0),
    occurred_at   timestamptz NOT NULL,
    recorded_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, message_id, conversion_id),
    FOREIGN KEY (tenant_id, message_id) REFERENCES messages
)
"""

# Append-only: the commands to a campaign, and its own changes with their reasons.
_CAMPAIGN_EVENTS = """
CREATE TABLE campaign_events (
    tenant_id   uuid NOT NULL,
    campaign_id uuid NOT NULL,
    event_no    bigint GENERATED ALWAYS AS IDENTITY,
    kind        text NOT NULL,
    details     jsonb NOT NULL DEFAULT '{}',
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, campaign_id, event_no),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns
)
"""

# The counts of a campaign: messages by state, reason and channel; receipts; conversions.
# A change is only ever appended, so that no two messages wait for each other's count; now and
# then a transaction that appends folds the changes so far. Together the two tables are exact at
# every instant.
_TALLIES = """
CREATE TABLE campaign_tallies (
    tenant_id     uuid NOT NULL,
    campaign_id   uuid NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('state', 'receipt', 'conversion')),
    name          text NOT NULL,
    reason        text NOT NULL,
    channel       text NOT NULL,
    messages      bigint NOT NULL,
    amount_micros bigint NOT NULL,
    PRIMARY KEY (tenant_id, campaign_id, kind, name, reason, channel)
)
"""

_TALLY_CHANGES = """
CREATE TABLE campaign_tally_changes (
    tenant_id     uuid NOT NULL,
    campaign_id   uuid NOT NULL,
    kind          text NOT NULL,
    name          text NOT NULL,
    reason        text NOT NULL DEFAULT '',
    channel       text NOT NULL DEFAULT '',
    messages      bigint NOT NULL,
    amount_micros bigint NOT NULL DEFAULT 0
)
"""

_TALLY_CHANGES_BY_CAMPAIGN = """
CREATE INDEX tally_changes_by_campaign ON campaign_tally_changes (tenant_id, campaign_id)
"""

# A transaction that finds another folding leaves it to that: none waits here. A plain scan of the
# index strikes out what earlier folds have deleted, and spares every later reader the way
# there; the other kinds of scan would leave all of it to the next vacuum.
_FOLD = """
CREATE FUNCTION fold_tallies(tenant uuid, campaign uuid) RETURNS void LANGUAGE plpgsql
    SET enable_bitmapscan = off SET enable_seqscan = off AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended(tenant::text || campaign::text, 0)) THEN
        RETURN;
    END IF;
    WITH gathered AS (
        DELETE FROM campaign_tally_changes
         WHERE tenant_id = tenant AND campaign_id = campaign
        RETURNING *
    )
    INSERT INTO campaign_tallies AS t
    SELECT tenant_id, campaign_id, kind, name, reason, channel, sum(messages), sum(amount_micros)
      FROM gathered
     GROUP BY tenant_id, campaign_id, kind, name, reason, channel
        ON CONFLICT (tenant_id, campaign_id, kind, name, reason, channel) DO UPDATE
       SET messages = t.messages + excluded.messages,
           amount_micros = t.amount_micros + excluded.amount_micros;
END
$$
"""

_FOLD_NOW_AND_THEN = """
CREATE FUNCTION fold_tallies_now_and_then() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF random() < 0.005 THEN
        PERFORM fold_tallies(tenant_id, campaign_id)
           FROM (SELECT DISTINCT tenant_id, campaign_id FROM added) campaigns;
    END IF;
    RETURN NULL;
END
$$
"""

_FOLD_TRIGGER = """
CREATE TRIGGER fold_now_and_then AFTER INSERT ON campaign_tally_changes
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fold_tallies_now_and_then()
"""

_TALLY_STORED = """
CREATE FUNCTION tally_stored_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaign_tally_changes (tenant_id, campaign_id, kind, name, reason, channel,
                                        messages)
    SELECT tenant_id, campaign_id, 'state', state, coalesce(reason, ''), coalesce(channel, ''),
           count(*)
      FROM added
     GROUP BY tenant_id, campaign_id, state, reason, channel;
    RETURN NULL;
END
$$
"""

_TALLY_CHANGED = """
CREATE FUNCTION tally_changed_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaign_tally_changes (tenant_id, campaign_id, kind, name, reason, channel,
                                        messages)
    SELECT tenant_id, campaign_id, 'state', state, coalesce(reason, ''), coalesce(channel, ''),
           sum(difference)
      FROM (SELECT tenant_id, campaign_id, state, reason, channel, 1 AS difference FROM after
            UNION ALL
            SELECT tenant_id, campaign_id, state, reason, channel, -1 FROM before) changed
     GROUP BY tenant_id, campaign_id, state, reason, channel
    HAVING sum(difference) <> 0;
    RETURN NULL;
END
$$
"""

_TALLY_TRIGGERS = (
    """
CREATE TRIGGER tally_stored AFTER INSERT ON messages
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION tally_stored_messages()
""",
    """
CREATE TRIGGER tally_changed AFTER UPDATE ON messages
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION tally_changed_messages()
""",
)

_TABLES = (
    "call_rates",
    "provider_accounts",
    "conversions",
    "campaign_events",
    "campaign_tallies",
    "campaign_tally_changes",
    "engagement_stats",
    "suppressions",
    "counted_once",
    "delivery_events",
    "attempts",
    "budget_entries",
    "budget_accounts",
    "recipient_versions",
    "claimed_identifiers",
    "recipient_claims",
    "campaign_queue",
    "messages",
    "contents",
    "campaigns",
)

# Every key begins with the tenant. Of a table that was never analysed PostgreSQL guesses that a
# tenant has one row, and might settle on looking through all a tenant has. With the
# opposite guess it looks by what follows the tenant; the first ANALYZE replaces this by the facts.
# Others may keep tables, or views, in the same schema: those are not ours to touch.
_TENANTS_HAVE_MANY_ROWS = f"""
SELECT pg_restore_attribute_stats(
           'schemaname', table_schema::text, 'relname', table_name::text,
           'attname', column_name::text, 'inherited', false,
           'null_frac', 0::real, 'avg_width', 16, 'n_distinct', 1::real)
  FROM information_schema.columns
 WHERE table_schema = current_schema() AND column_name = 'tenant_id'
   AND table_name IN ({", ".join(f"'{table}'" for table in _TABLES)})
"""  # noqa: S608 - the names are ours

_STATEMENTS = (
    *_EXTENSIONS,
    _CAMPAIGNS,
    _CAMPAIGNS_BY_AGE,
    _CAMPAIGNS_BY_NAME,
    _CONTENTS,
    _MESSAGES,
    _MESSAGES_BY_CAMPAIGN,
    _MESSAGES_BY_RECIPIENT,
    _QUEUE,
    _CLAIMS,
    _CLAIMED_IDENTIFIERS,
    _KEEP_IDENTIFIERS,
    _IDENTIFIERS_TRIGGER,
    _TURNS,
    _ACCOUNTS,
    _ENTRIES,
    _ONE_END_PER_HOLD,
    _ENTRIES_BY_CAMPAIGN,
    _HOLDS_BY_DUE_TIME,
    _ATTEMPTS,
    _ONE_ACCEPTED,
    _WAITING,
    _PROVIDER_ACCOUNTS,
    _CALL_RATES,
    _EVENTS,
    _EVENTS_BY_MESSAGE,
    _COUNTED_ONCE,
    _SUPPRESSIONS,
    _SUPPRESSIONS_BY_REQUEST,
    _ENGAGEMENT,
    _CONVERSIONS,
    _CAMPAIGN_EVENTS,
    _TALLIES,
    _TALLY_CHANGES,
    _TALLY_CHANGES_BY_CAMPAIGN,
    _FOLD,
    _FOLD_NOW_AND_THEN,
    _FOLD_TRIGGER,
    _TALLY_STORED,
    _TALLY_CHANGED,
    *_TALLY_TRIGGERS,
    _TENANTS_HAVE_MANY_ROWS,
)


def upgrade() -> None:
    """Create the schema."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop the schema."""
    op.execute(f"DROP TABLE {', '.join(_TABLES)}")
    op.execute(
        "DROP FUNCTION fold_tallies, fold_tallies_now_and_then, tally_stored_messages, "
        "tally_changed_messages, keep_claimed_identifiers"
    )
