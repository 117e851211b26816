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
