-- The first schema. Times are microseconds since 1970 UTC; maps are JSON text; uids are 32 hex digits.
-- AUTOINCREMENT everywhere ids serve as cursors: an id of a row that is gone must never come back behind a cursor.

CREATE TABLE account (
    account_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    project_id TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE user (
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    disabled INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE access_key (
    key_id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    user TEXT NOT NULL,
    sealed_secret BLOB NOT NULL,
    disabled INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX access_key_by_account ON access_key (account_id, key_id);

-- A deleted topic keeps its row until everything that belongs to it has been swept.
CREATE TABLE topic (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    dialect TEXT NOT NULL,
    display_name TEXT NOT NULL,
    settings TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX topic_by_name ON topic (account_id, region, name) WHERE deleted = 0;
CREATE INDEX topic_by_account ON topic (account_id, id) WHERE deleted = 0;
CREATE INDEX topic_by_region ON topic (account_id, region, id) WHERE deleted = 0;
CREATE INDEX topic_deleted ON topic (id) WHERE deleted = 1;

-- `region` is the topic's, copied so that a list of one region walks one index.
CREATE TABLE subscription (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    topic_id INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    dialect TEXT NOT NULL,
    protocol TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    settings TEXT NOT NULL,
    state INTEGER NOT NULL,
    confirmed_at INTEGER,
    region TEXT NOT NULL,
    principal TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    canceled_at INTEGER,
    confirmation_sent_at INTEGER,
    come_back_until INTEGER,
    confirmation_was_authenticated INTEGER NOT NULL,
    auth_on_unsubscribe INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;

-- At most one live (unconfirmed or confirmed) subscription of an endpoint to a topic.
CREATE UNIQUE INDEX subscription_live ON subscription (topic_id, protocol, endpoint) WHERE state IN (0, 1);
CREATE INDEX subscription_canceled ON subscription (topic_id, protocol, endpoint) WHERE state = 3;
-- The lists; what follows `id` is there so that filters and offsets are answered without touching the rows.
CREATE INDEX subscription_by_account ON subscription (account_id, id, state, topic_id, protocol);
CREATE INDEX subscription_by_region ON subscription (account_id, region, id, state, topic_id, protocol);
CREATE INDEX subscription_by_topic ON subscription (topic_id, id, state, protocol);
CREATE INDEX subscription_by_state ON subscription (topic_id, state, id, protocol);
CREATE INDEX subscription_by_endpoint ON subscription (endpoint, id, state, topic_id, protocol, account_id, region);
-- Housekeeping: what nobody confirmed, and what was canceled long ago.
CREATE INDEX subscription_unconfirmed ON subscription (coalesce(confirmation_sent_at, created_at)) WHERE state = 0;
CREATE INDEX subscription_gone ON subscription (canceled_at) WHERE state = 3;

CREATE TABLE token (
    digest BLOB PRIMARY KEY,
    purpose TEXT NOT NULL,
    subscription_uid TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX token_by_subscription ON token (subscription_uid);
CREATE INDEX token_by_expiry ON token (expires_at);

-- Consent, forever. `high_water` is the largest `at` of this and all earlier entries: it grows with `id` even when the
-- clock was set back, so that a search by time can start at the right id.
CREATE TABLE ledger (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    account_id TEXT NOT NULL,
    topic_id INTEGER NOT NULL,
    topic_name TEXT NOT NULL,
    region TEXT NOT NULL,
    subscription_uid TEXT NOT NULL,
    protocol TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    before INTEGER,
    after INTEGER,
    way TEXT NOT NULL,
    principal TEXT NOT NULL,
    remote_address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    request_id TEXT NOT NULL,
    shown TEXT NOT NULL,
    raw_text TEXT NOT NULL,
    detail TEXT NOT NULL,
    high_water INTEGER NOT NULL
) STRICT;

CREATE INDEX ledger_by_account ON ledger (account_id, id, at);
CREATE INDEX ledger_by_topic ON ledger (topic_id, id, at);
CREATE INDEX ledger_by_endpoint ON ledger (endpoint, id, at);
CREATE INDEX ledger_by_subscription ON ledger (subscription_uid, id, at);
CREATE INDEX ledger_by_time ON ledger (high_water);

CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger BEGIN
    SELECT raise(ABORT, 'the ledger is append-only');
END;

CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger BEGIN
    SELECT raise(ABORT, 'the ledger is append-only');
END;

-- REPLACE removes a row without asking the trigger above.
CREATE TRIGGER ledger_no_replace BEFORE INSERT ON ledger WHEN EXISTS (SELECT 1 FROM ledger WHERE id = new.id) BEGIN
    SELECT raise(ABORT, 'the ledger is append-only');
END;

-- Accepted messages: written once, removed once. What changes lives in message_progress, so that a cursor of a large
-- fan-out does not rewrite the body.
CREATE TABLE message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    topic_id INTEGER,
    id TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE message_progress (
    seq INTEGER PRIMARY KEY,
    cursor INTEGER NOT NULL,
    done INTEGER NOT NULL
) STRICT;

CREATE INDEX message_done ON message_progress (seq) WHERE done = 1;

-- One message for one subscription or number that did not go out at the first attempt.
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_seq INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    topic_id INTEGER,
    subscription_uid TEXT NOT NULL,
    protocol TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'dead')),
    reason TEXT NOT NULL,
    redriven INTEGER NOT NULL
) STRICT;

CREATE INDEX delivery_due ON delivery (due) WHERE state = 'waiting';
CREATE INDEX delivery_by_message ON delivery (message_seq);
CREATE INDEX delivery_by_topic ON delivery (topic_id);
CREATE INDEX delivery_dead ON delivery (id) WHERE state = 'dead';
CREATE INDEX delivery_dead_by_account ON delivery (account_id, id) WHERE state = 'dead';
CREATE INDEX delivery_dead_by_topic ON delivery (topic_id, id) WHERE state = 'dead';
CREATE INDEX delivery_dead_by_subscription ON delivery (subscription_uid, id) WHERE state = 'dead';

-- Counts, kept by the triggers below.
CREATE TABLE topic_tally (
    topic_id INTEGER PRIMARY KEY,
    unconfirmed INTEGER NOT NULL DEFAULT 0,
    confirmed INTEGER NOT NULL DEFAULT 0,
    canceled INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE region_tally (
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    topics INTEGER NOT NULL,
    PRIMARY KEY (account_id, region)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_tally (
    account_id TEXT PRIMARY KEY,
    unconfirmed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER topic_added AFTER INSERT ON topic BEGIN
    INSERT INTO topic_tally (topic_id) VALUES (new.id);
    INSERT INTO region_tally (account_id, region, topics) VALUES (new.account_id, new.region, 1)
        ON CONFLICT DO UPDATE SET topics = topics + 1;
END;

CREATE TRIGGER topic_hidden AFTER UPDATE OF deleted ON topic WHEN new.deleted > old.deleted BEGIN
    UPDATE region_tally SET topics = topics - 1 WHERE account_id = new.account_id AND region = new.region;
    UPDATE account_tally
        SET unconfirmed = unconfirmed - (SELECT unconfirmed FROM topic_tally WHERE topic_id = new.id)
        WHERE account_id = new.account_id;
END;

CREATE TRIGGER topic_removed AFTER DELETE ON topic BEGIN
    DELETE FROM topic_tally WHERE topic_id = old.id;
END;

CREATE TRIGGER subscription_added AFTER INSERT ON subscription BEGIN
    UPDATE topic_tally SET
        unconfirmed = unconfirmed + (new.state = 0),
        confirmed = confirmed + (new.state = 1),
        canceled = canceled + (new.state = 3)
        WHERE topic_id = new.topic_id;
END;

CREATE TRIGGER subscription_moved AFTER UPDATE OF state ON subscription WHEN old.state <> new.state BEGIN
    UPDATE topic_tally SET
        unconfirmed = unconfirmed + (new.state = 0) - (old.state = 0),
        confirmed = confirmed + (new.state = 1) - (old.state = 1),
        canceled = canceled + (new.state = 3) - (old.state = 3)
        WHERE topic_id = new.topic_id;
END;

CREATE TRIGGER subscription_removed AFTER DELETE ON subscription BEGIN
    UPDATE topic_tally SET
        unconfirmed = unconfirmed - (old.state = 0),
        confirmed = confirmed - (old.state = 1),
        canceled = canceled - (old.state = 3)
        WHERE topic_id = old.topic_id;
END;

-- An account's unconfirmed ones are counted over its topics that are not deleted.
CREATE TRIGGER pending_added AFTER INSERT ON subscription WHEN new.state = 0 BEGIN
    INSERT INTO account_tally (account_id, unconfirmed)
        SELECT account_id, 1 FROM topic WHERE id = new.topic_id AND deleted = 0
        ON CONFLICT DO UPDATE SET unconfirmed = unconfirmed + 1;
END;

CREATE TRIGGER pending_moved AFTER UPDATE OF state ON subscription WHEN (old.state = 0) <> (new.state = 0) BEGIN
    INSERT INTO account_tally (account_id, unconfirmed)
        SELECT account_id, (new.state = 0) - (old.state = 0) FROM topic WHERE id = new.topic_id AND deleted = 0
        ON CONFLICT DO UPDATE SET unconfirmed = unconfirmed + excluded.unconfirmed;
END;

CREATE TRIGGER pending_removed AFTER DELETE ON subscription WHEN old.state = 0 BEGIN
    UPDATE account_tally SET unconfirmed = unconfirmed - 1
        WHERE account_id = (SELECT account_id FROM topic WHERE id = old.topic_id AND deleted = 0);
END;

-- What `check` writes to.
CREATE TABLE pulse (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    beats INTEGER NOT NULL
) STRICT;

INSERT INTO pulse (id, beats) VALUES (1, 0);

-- Rows as the code reads them, in the order of the model's fields, without what belongs to deleted topics.
CREATE VIEW topic_row AS
    SELECT id, uid, account_id, region, name, dialect, display_name, settings, tags, created_at, updated_at, version
    FROM topic
    WHERE deleted = 0;

CREATE VIEW subscription_row AS
    SELECT id, uid, topic_id, account_id, dialect, protocol, endpoint, state, settings, principal, created_at,
        confirmed_at, canceled_at, confirmation_sent_at, come_back_until, confirmation_was_authenticated,
        auth_on_unsubscribe, version
    FROM subscription
    WHERE EXISTS (SELECT 1 FROM topic WHERE topic.id = subscription.topic_id AND topic.deleted = 0);
