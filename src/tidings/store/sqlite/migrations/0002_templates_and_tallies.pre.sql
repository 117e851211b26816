-- Message templates, users with actions of their own, counts of listed subscriptions and of text messages.

-- A JSON array of patterns.
ALTER TABLE user ADD COLUMN actions TEXT NOT NULL DEFAULT '[]';

CREATE TABLE message_template (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    protocol TEXT NOT NULL,
    content TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX message_template_by_name ON message_template (account_id, name, protocol);
CREATE INDEX message_template_by_account ON message_template (account_id, id);

-- Text messages delivered for a topic, by the hour's beginning.
CREATE TABLE text_tally (
    topic_id INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    PRIMARY KEY (topic_id, hour)
) STRICT, WITHOUT ROWID;

CREATE INDEX text_tally_by_hour ON text_tally (hour);

-- Housekeeping asks for one dialect at a time: where nothing lapses, these rows stay for ever, and nobody may walk over them on
-- the way to another dialect's. No query names the two indexes that go, so the release before only reads on without them.
CREATE INDEX subscription_unconfirmed_of ON subscription (dialect, coalesce(confirmation_sent_at, created_at)) WHERE state = 0;
CREATE INDEX subscription_gone_of ON subscription (dialect, canceled_at) WHERE state = 3;
DROP INDEX subscription_unconfirmed;
DROP INDEX subscription_gone;

-- When an endpoint was asked to confirm, and when it last did. The text is `lifecycle.ASKED`.
CREATE INDEX ledger_asked ON ledger (endpoint, protocol, id, event, at)
    WHERE detail = 'confirmation requested' OR event IN ('confirmed', 'restored');

-- Listed (not expired) subscriptions of topics that are not deleted, by their own owner and region; and the share of each
-- topic in that, so that hiding a topic takes its share away in one step however many rows it has.
CREATE TABLE listed_tally (
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    listed INTEGER NOT NULL,
    PRIMARY KEY (account_id, region)
) STRICT, WITHOUT ROWID;

CREATE TABLE owner_tally (
    topic_id INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    listed INTEGER NOT NULL,
    PRIMARY KEY (topic_id, account_id)
) STRICT, WITHOUT ROWID;

INSERT INTO owner_tally (topic_id, account_id, listed)
    SELECT topic_id, account_id, count(*) FROM subscription
    WHERE state <> 4 AND topic_id NOT IN (SELECT id FROM topic WHERE deleted = 1)
    GROUP BY topic_id, account_id;

INSERT INTO listed_tally (account_id, region, listed)
    SELECT owner_tally.account_id, topic.region, sum(owner_tally.listed)
    FROM owner_tally JOIN topic ON topic.id = owner_tally.topic_id
    GROUP BY owner_tally.account_id, topic.region;

-- Rows are added to, and changed in, topics that are not deleted only: the queries see to that.
CREATE TRIGGER listed_added AFTER INSERT ON subscription WHEN new.state <> 4 BEGIN
    INSERT INTO owner_tally (topic_id, account_id, listed) VALUES (new.topic_id, new.account_id, 1)
        ON CONFLICT DO UPDATE SET listed = listed + 1;
    INSERT INTO listed_tally (account_id, region, listed) VALUES (new.account_id, new.region, 1)
        ON CONFLICT DO UPDATE SET listed = listed + 1;
END;

-- A revived subscription may get another owner.
CREATE TRIGGER listed_moved AFTER UPDATE OF state, account_id ON subscription
    WHEN (old.state <> 4) <> (new.state <> 4) OR old.account_id <> new.account_id
BEGIN
    UPDATE owner_tally SET listed = listed - (old.state <> 4)
        WHERE topic_id = old.topic_id AND account_id = old.account_id;
    UPDATE listed_tally SET listed = listed - (old.state <> 4)
        WHERE account_id = old.account_id AND region = old.region;
    INSERT INTO owner_tally (topic_id, account_id, listed) VALUES (new.topic_id, new.account_id, new.state <> 4)
        ON CONFLICT DO UPDATE SET listed = listed + excluded.listed;
    INSERT INTO listed_tally (account_id, region, listed) VALUES (new.account_id, new.region, new.state <> 4)
        ON CONFLICT DO UPDATE SET listed = listed + excluded.listed;
END;

-- What was hidden with its topic has left both tallies already: its owner's share is gone.
CREATE TRIGGER listed_removed AFTER DELETE ON subscription WHEN old.state <> 4 BEGIN
    UPDATE listed_tally SET listed = listed - 1
        WHERE account_id = old.account_id AND region = old.region
            AND EXISTS (SELECT 1 FROM owner_tally WHERE topic_id = old.topic_id AND account_id = old.account_id);
    UPDATE owner_tally SET listed = listed - 1 WHERE topic_id = old.topic_id AND account_id = old.account_id;
END;

CREATE TRIGGER listed_hidden AFTER UPDATE OF deleted ON topic WHEN new.deleted > old.deleted BEGIN
    UPDATE listed_tally SET listed = listed_tally.listed - owner_tally.listed
        FROM owner_tally
        WHERE owner_tally.topic_id = new.id
            AND listed_tally.account_id = owner_tally.account_id AND listed_tally.region = new.region;
    DELETE FROM owner_tally WHERE topic_id = new.id;
END;
