-- Accepted messages and the deliveries that wait. The two *_add queries are given many rows at once: the code repeats
-- the group after VALUES.

-- Accept messages.
-- name: message_add
INSERT INTO message (topic_id, id, body) VALUES (?, ?, ?);

-- Messages not finished, oldest first, after a place in the flow.
-- name: message_unfinished
SELECT message.seq, body, coalesce(cursor, 0)
FROM message LEFT JOIN message_progress ON message_progress.seq = message.seq
WHERE message.seq > ?1 AND coalesce(done, 0) = 0
ORDER BY message.seq LIMIT ?2;

-- How many messages are not finished.
-- name: message_unfinished_count
SELECT (SELECT count(*) FROM message) - (SELECT count(*) FROM message_progress WHERE done = 1);

-- The newest place in the flow that was ever given.
-- name: message_last_seq
SELECT seq FROM sqlite_sequence WHERE name = 'message';

-- Bodies by place in the flow, a JSON array.
-- name: message_bodies
SELECT seq, body FROM message WHERE seq IN (SELECT value FROM json_each(?1));

-- Move a message's cursor forward.
-- name: message_move
INSERT INTO message_progress (seq, cursor, done)
SELECT ?1, ?2, 0 WHERE EXISTS (SELECT 1 FROM message WHERE seq = ?1)
ON CONFLICT (seq) DO UPDATE SET cursor = max(cursor, excluded.cursor);

-- Remove finished messages nobody waits for (a JSON array).
-- name: message_finish
DELETE FROM message WHERE seq IN (SELECT value FROM json_each(?1))
    AND NOT EXISTS (SELECT 1 FROM message_progress WHERE message_progress.seq = message.seq AND done = 1)
    AND NOT EXISTS (SELECT 1 FROM delivery WHERE message_seq = message.seq);

-- Mark finished messages that deliveries still need (a JSON array).
-- name: message_keep
INSERT INTO message_progress (seq, cursor, done)
SELECT message.seq, 0, 1 FROM message
WHERE message.seq IN (SELECT value FROM json_each(?1))
    AND EXISTS (SELECT 1 FROM delivery WHERE message_seq = message.seq)
ON CONFLICT (seq) DO UPDATE SET done = 1 WHERE done = 0;

-- Remove marked messages whose last delivery is gone (a JSON array).
-- name: message_release
DELETE FROM message WHERE seq IN (SELECT value FROM json_each(?1))
    AND EXISTS (SELECT 1 FROM message_progress WHERE message_progress.seq = message.seq AND done = 1)
    AND NOT EXISTS (SELECT 1 FROM delivery WHERE message_seq = message.seq);

-- Remove the progress of messages that are gone (a JSON array).
-- name: message_forget
DELETE FROM message_progress WHERE seq IN (SELECT value FROM json_each(?1))
    AND NOT EXISTS (SELECT 1 FROM message WHERE message.seq = message_progress.seq);

-- Write down deliveries.
-- name: delivery_add
INSERT INTO delivery (
    message_seq, message_id, account_id, topic_id, subscription_uid, protocol, endpoint, attempts, due, first_at,
    state, reason, redriven
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- The outcome of a delivery that stays; without a new time the old one stays.
-- name: delivery_change
UPDATE delivery SET attempts = ?2, due = coalesce(?3, due), state = ?4, reason = ?5, redriven = ?6 WHERE id = ?1;

-- Remove deliveries (a JSON array) and say which messages they were for.
-- name: delivery_remove
DELETE FROM delivery WHERE id IN (SELECT value FROM json_each(?1)) RETURNING message_seq;

-- Times and ids of waiting deliveries due after a time, earliest first.
-- name: delivery_due
SELECT due, id FROM delivery INDEXED BY delivery_due
WHERE state = 'waiting' AND due > ?1 AND due <= ?2
ORDER BY due, id LIMIT ?3;

-- The same for those due at exactly a time, after an id: thousands may share one time.
-- name: delivery_due_at
SELECT due, id FROM delivery INDEXED BY delivery_due
WHERE state = 'waiting' AND due = ?1 AND id > ?2
ORDER BY id LIMIT ?3;

-- Deliveries by id, a JSON array.
-- name: delivery_by_ids
SELECT id, message_seq, message_id, account_id, topic_id, subscription_uid, protocol, endpoint, attempts, due, first_at,
    state, reason, redriven
FROM delivery WHERE id IN (SELECT value FROM json_each(?1));

-- How many deliveries wait.
-- name: delivery_waiting_count
SELECT count(*) FROM delivery INDEXED BY delivery_due WHERE state = 'waiting';

-- Make dead letters (a JSON array) of one account due again and say which those were.
-- name: delivery_again
UPDATE delivery SET state = 'waiting', attempts = 0, due = ?3, redriven = 0
WHERE id IN (SELECT value FROM json_each(?2)) AND account_id = ?1 AND state = 'dead'
    AND (topic_id IS NULL OR topic_id NOT IN (SELECT id FROM topic WHERE deleted = 1))
RETURNING id;

-- Ids of all dead letters as one JSON array.
-- name: delivery_dead
SELECT json_group_array(id) FROM (
    SELECT id FROM delivery INDEXED BY delivery_dead
    WHERE state = 'dead' AND id > :after
        AND (topic_id IS NULL OR topic_id NOT IN (SELECT id FROM topic WHERE deleted = 1))
    ORDER BY id LIMIT :limit
);

-- Ids of one account's dead letters.
-- name: delivery_dead_by_account
SELECT json_group_array(id) FROM (
    SELECT id FROM delivery INDEXED BY delivery_dead_by_account
    WHERE state = 'dead' AND account_id = :account_id AND id > :after
        AND (topic_id IS NULL OR topic_id NOT IN (SELECT id FROM topic WHERE deleted = 1))
    ORDER BY id LIMIT :limit
);

-- Ids of one topic's dead letters.
-- name: delivery_dead_by_topic
SELECT json_group_array(id) FROM (
    SELECT id FROM delivery INDEXED BY delivery_dead_by_topic
    WHERE state = 'dead' AND topic_id = (SELECT id FROM topic WHERE id = :topic_id AND deleted = 0) AND id > :after
        AND (:account_id IS NULL OR account_id = :account_id)
    ORDER BY id LIMIT :limit
);

-- Ids of one subscription's dead letters.
-- name: delivery_dead_by_subscription
SELECT json_group_array(id) FROM (
    SELECT id FROM delivery INDEXED BY delivery_dead_by_subscription
    WHERE state = 'dead' AND subscription_uid = :subscription_uid AND id > :after
        AND (:account_id IS NULL OR account_id = :account_id) AND (:topic_id IS NULL OR topic_id = :topic_id)
        AND (topic_id IS NULL OR topic_id NOT IN (SELECT id FROM topic WHERE deleted = 1))
    ORDER BY id LIMIT :limit
);
