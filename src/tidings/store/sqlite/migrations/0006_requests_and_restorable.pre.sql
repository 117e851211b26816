-- Canceled subscriptions that may still come back: what SNS lists as deleted, and counts.
CREATE INDEX subscription_restorable ON subscription (topic_id, come_back_until) WHERE state = 3 AND come_back_until IS NOT NULL;

-- Whom was asked to confirm, how often, and what became of it: `what` is asked, answered or declined. `recipient` is one for all spellings of
-- an address. Kept for as long as the pace and a declined request are remembered.
CREATE TABLE confirmation_request (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    recipient TEXT NOT NULL,
    at INTEGER NOT NULL,
    what TEXT NOT NULL,
    account_id TEXT NOT NULL,
    topic_id INTEGER NOT NULL
) STRICT;

CREATE INDEX confirmation_request_by_recipient ON confirmation_request (recipient, id);
CREATE INDEX confirmation_request_by_time ON confirmation_request (at);

-- A keyed digest of an endpoint whose password was taken out, else empty: endpoints that differ in their password only are two.
ALTER TABLE subscription ADD COLUMN endpoint_key TEXT NOT NULL DEFAULT '';

DROP INDEX subscription_live;
CREATE UNIQUE INDEX subscription_live ON subscription (topic_id, protocol, endpoint, endpoint_key) WHERE state IN (0, 1);

-- What a release before this one wrote with its password in clear: sealed at the next start.
CREATE INDEX subscription_unsealed ON subscription (id) WHERE endpoint_key = '' AND instr(endpoint, '://') AND instr(endpoint, '@');

DROP VIEW subscription_row;
CREATE VIEW subscription_row AS
    SELECT id, uid, topic_id, account_id, dialect, protocol, endpoint, state, settings, principal, created_at,
        confirmed_at, canceled_at, confirmation_sent_at, come_back_until, confirmation_was_authenticated,
        auth_on_unsubscribe, version, endpoint_key
    FROM subscription
    WHERE EXISTS (SELECT 1 FROM topic WHERE topic.id = subscription.topic_id AND topic.deleted = 0);
