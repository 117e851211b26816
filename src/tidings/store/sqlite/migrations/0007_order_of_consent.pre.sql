-- Who had consented when a message was accepted is decided by the order in which both were written down, never by clocks; and how far
-- the application's clock has come.

-- The newest place in the flow (message.seq) that was given when the subscription was confirmed: it receives what came after. Those
-- that were confirmed before this column existed receive every message that is not finished. Triggers, so that the release before
-- gives its rows a place too.
ALTER TABLE subscription ADD COLUMN confirmed_after INTEGER NOT NULL DEFAULT 0;

CREATE TRIGGER subscription_confirmed_first AFTER INSERT ON subscription WHEN new.state = 1 BEGIN
    UPDATE subscription
        SET confirmed_after = coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'message'), 0)
        WHERE id = new.id;
END;

CREATE TRIGGER subscription_confirmed AFTER UPDATE OF state ON subscription WHEN new.state = 1 AND old.state <> 1 BEGIN
    UPDATE subscription
        SET confirmed_after = coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'message'), 0)
        WHERE id = new.id;
END;

-- Nothing that is written down has a later time of this clock, so that a start after a step of the machine's clock goes on from here.
-- 0: never written.
CREATE TABLE clock_mark (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;

INSERT INTO clock_mark (id, at) VALUES (1, 0);
