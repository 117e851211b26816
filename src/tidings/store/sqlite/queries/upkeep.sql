-- What timers, probes and developer mode ask for.

-- Remove expired tokens, a bite.
-- name: sweep_tokens
DELETE FROM token WHERE digest IN (SELECT digest FROM token WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2);

-- Remove events of requests to confirm that nobody remembers, a bite.
-- name: sweep_confirmation_requests
DELETE FROM confirmation_request WHERE id IN (
    SELECT id FROM confirmation_request INDEXED BY confirmation_request_by_time WHERE at < ?1 ORDER BY at LIMIT ?2
);

-- A deleted topic that waits for its end.
-- name: sweep_next_topic
SELECT id FROM topic WHERE deleted = 1 ORDER BY id LIMIT 1;

-- Remove a deleted topic's subscriptions, a bite.
-- name: sweep_subscriptions
DELETE FROM subscription WHERE id IN (SELECT id FROM subscription WHERE topic_id = ?1 LIMIT ?2);

-- Remove counts of text messages that are too old to be asked for, a bite.
-- name: sweep_texts
DELETE FROM text_tally WHERE (topic_id, hour) IN (
    SELECT topic_id, hour FROM text_tally INDEXED BY text_tally_by_hour WHERE hour < ?1 ORDER BY hour LIMIT ?2
);

-- Remove a deleted topic's counts of text messages, a bite.
-- name: sweep_topic_texts
DELETE FROM text_tally WHERE topic_id = ?1 AND hour IN (SELECT hour FROM text_tally WHERE topic_id = ?1 LIMIT ?2);

-- Remove a deleted topic's deliveries, a bite, and say which messages they were for.
-- name: sweep_deliveries
DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE topic_id = ?1 LIMIT ?2) RETURNING message_seq;

-- Remove a deleted topic that nothing belongs to any more.
-- name: sweep_topic
DELETE FROM topic WHERE id = ?1 AND deleted = 1;

-- Remove the parts of the texts that the next one removes.
-- name: sweep_text_parts
DELETE FROM text_part WHERE text_id IN (
    SELECT id FROM sent_text INDEXED BY sent_text_by_time WHERE accepted_at < ?1 ORDER BY accepted_at, id LIMIT ?2
);

-- Remove texts that were sent too long ago, a bite.
-- name: sweep_sent
DELETE FROM sent_text WHERE id IN (
    SELECT id FROM sent_text INDEXED BY sent_text_by_time WHERE accepted_at < ?1 ORDER BY accepted_at, id LIMIT ?2
);

-- Remove counts of applications' texts that are too old to be asked for, a bite.
-- name: sweep_sms_tallies
DELETE FROM sms_tally WHERE (account_id, hour, app_id, sms_type, what) IN (
    SELECT account_id, hour, app_id, sms_type, what FROM sms_tally INDEXED BY sms_tally_by_hour
    WHERE hour < ?1 ORDER BY hour LIMIT ?2
);

-- Count a try, unless there were too many since a time. The window begins anew when it is over.
-- name: try_take
INSERT INTO limited_try (key, begun_at, tries) VALUES (?1, ?2, 1)
ON CONFLICT (key) DO UPDATE
SET tries = iif(begun_at <= ?3, 1, tries + 1), begun_at = iif(begun_at <= ?3, ?2, begun_at)
WHERE tries < ?4 OR begun_at <= ?3;

-- When the first try of a window was.
-- name: try_begun
SELECT begun_at FROM limited_try WHERE key = ?1;

-- Take a try back.
-- name: try_give_back
UPDATE limited_try SET tries = tries - 1 WHERE key = ?1 AND tries > 0;

-- Remove tries whose window is over, a bite.
-- name: sweep_tries
DELETE FROM limited_try WHERE key IN (SELECT key FROM limited_try WHERE begun_at < ?1 LIMIT ?2);

-- Prove that the store can be written.
-- name: pulse_beat
UPDATE pulse SET beats = beats + 1 WHERE id = 1;

-- Prove that the store can be read.
-- name: pulse_read
SELECT beats FROM pulse WHERE id = 1;

-- The text of the trigger that guards the ledger against deletion.
-- name: reset_guard
SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'ledger_no_delete';

-- Developer mode's reset: everything but accounts, users, keys, applications, signs and templates of texts, inbound addresses
-- and their rules. The guard is put back in the same transaction.
-- name: reset_all
DROP TRIGGER ledger_no_delete;
DELETE FROM ledger;
DELETE FROM token;
DELETE FROM confirmation_request;
DELETE FROM delivery;
DELETE FROM message_progress;
DELETE FROM message;
DELETE FROM subscription;
DELETE FROM topic;
DELETE FROM message_template;
DELETE FROM topic_tally;
DELETE FROM region_tally;
DELETE FROM account_tally;
DELETE FROM listed_tally;
DELETE FROM owner_tally;
DELETE FROM text_tally;
DELETE FROM limited_try;
DELETE FROM opt_out;
DELETE FROM inbound_text;
DELETE FROM open_review;
DELETE FROM address_tally;
DELETE FROM opt_out_tally;
DELETE FROM sent_text;
DELETE FROM text_part;
DELETE FROM sms_tally;
DELETE FROM reader;
DELETE FROM sender_use;
DELETE FROM sms_sandbox_number;

-- How far the application's clock has come; 0: never written.
-- name: clock_mark
SELECT at FROM clock_mark WHERE id = 1;

-- Move it forward.
-- name: clock_mark_move
UPDATE clock_mark SET at = max(at, ?1) WHERE id = 1;

-- What waits for a time that no wait leads to was given it by a clock that was wrong: it is due now.
-- name: sweep_far_due
UPDATE delivery SET due = ?1
WHERE id IN (SELECT id FROM delivery INDEXED BY delivery_due WHERE state = 'waiting' AND due > ?2 LIMIT ?3);
