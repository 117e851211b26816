-- Subscriptions, their tokens and the pages of a fan-out.

-- Add a subscription to a topic that is still there.
-- name: subscription_add
INSERT INTO subscription (
    uid, topic_id, account_id, dialect, protocol, endpoint, settings, state, confirmed_at, region, principal, created_at,
    canceled_at, confirmation_sent_at, come_back_until, confirmation_was_authenticated, auth_on_unsubscribe, version,
    endpoint_key
)
SELECT ?1, id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, region, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18
FROM topic WHERE id = ?2 AND deleted = 0;

-- Change a subscription if nobody was faster and its topic is still there.
-- name: subscription_change
UPDATE subscription
SET account_id = ?3, dialect = ?4, protocol = ?5, endpoint = ?6, settings = ?7, state = ?8, confirmed_at = ?9,
    principal = ?10, created_at = ?11, canceled_at = ?12, confirmation_sent_at = ?13, come_back_until = ?14,
    confirmation_was_authenticated = ?15, auth_on_unsubscribe = ?16, endpoint_key = ?17, version = version + 1
WHERE id = ?1 AND version = ?2
    AND EXISTS (SELECT 1 FROM topic WHERE topic.id = subscription.topic_id AND topic.deleted = 0);

-- Remove a subscription.
-- name: subscription_remove
DELETE FROM subscription WHERE id = ?1;

-- One subscription by uid.
-- name: subscription_by_uid
SELECT * FROM subscription_row WHERE uid = ?1;

-- Subscriptions by their uids, a JSON array.
-- name: subscription_by_uids
SELECT * FROM subscription_row WHERE uid IN (SELECT value FROM json_each(?1));

-- Subscriptions by their row ids, a JSON array.
-- name: subscription_by_ids
SELECT * FROM subscription_row WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id;

-- The unconfirmed or confirmed subscription of an endpoint to a topic.
-- name: subscription_live
SELECT * FROM subscription_row WHERE topic_id = ?1 AND protocol = ?2 AND endpoint = ?3 AND endpoint_key = ?4 AND state IN (0, 1);

-- The newest canceled subscription of an endpoint to a topic.
-- name: subscription_canceled
SELECT * FROM subscription_row WHERE topic_id = ?1 AND protocol = ?2 AND endpoint = ?3 AND endpoint_key = ?4 AND state = 3
ORDER BY id DESC LIMIT 1;

-- Those whose endpoint may hold a password in clear, after an id.
-- name: subscription_unsealed
SELECT * FROM subscription_row WHERE id IN (
    SELECT id FROM subscription INDEXED BY subscription_unsealed
    WHERE endpoint_key = '' AND instr(endpoint, '://') AND instr(endpoint, '@') AND id > ?1 ORDER BY id LIMIT ?2
) ORDER BY id;

-- Deliveries whose endpoint may hold a password in clear.
-- name: delivery_unsealed
SELECT id, endpoint FROM delivery WHERE instr(endpoint, '://') AND instr(endpoint, '@');

-- Change a delivery's endpoint, which is only shown.
-- name: delivery_mask
UPDATE delivery SET endpoint = ?2 WHERE id = ?1;

-- Unconfirmed ones of a dialect last asked before a time, oldest first.
-- name: subscription_lapsed_unconfirmed
SELECT * FROM subscription_row WHERE state = 0 AND dialect = ?1 AND coalesce(confirmation_sent_at, created_at) < ?2
ORDER BY coalesce(confirmation_sent_at, created_at) LIMIT ?3;

-- Canceled ones of a dialect canceled before a time, oldest first.
-- name: subscription_lapsed_canceled
SELECT * FROM subscription_row WHERE state = 3 AND dialect = ?1 AND canceled_at < ?2 ORDER BY canceled_at LIMIT ?3;

-- One page of a topic's subscriptions that were confirmed before the message at a place in the flow was accepted.
-- name: subscription_page
SELECT id, uid, account_id, dialect, protocol, endpoint, settings
FROM subscription INDEXED BY subscription_by_state
WHERE topic_id = (SELECT id FROM topic WHERE id = ?1 AND deleted = 0) AND state = 1 AND id > ?2
    AND confirmed_after < ?4
ORDER BY id LIMIT ?3;

-- The lists below give row ids as one JSON array, in one step, so that a long skip can run on another thread without
-- fighting over the interpreter. `states` is a bit per state, `restorable` a time
-- after which canceled ones must still be able to come back, `path` leads to a setting, `protocols` and `without` are JSON arrays.
-- Each names the index it walks.

-- What a list of row ids gives.
-- fragment: found_rows
json_group_array(id)

-- Of canceled ones those that may still come back, where that is asked.
-- fragment: or_restorable
AND (:restorable IS NULL OR state <> 3 OR come_back_until > :restorable)

-- A setting that contains a text, and which protocols.
-- fragment: of_setting_and_protocols
AND (:path IS NULL OR instr(lower(json_extract(settings, :path)), lower(:text)))
        AND (:protocols IS NULL OR protocol IN (SELECT value FROM json_each(:protocols)))
        AND (:without IS NULL OR protocol NOT IN (SELECT value FROM json_each(:without)))

-- Row ids of everything (console), ascending.
-- name: subscription_ids
-- variant: subscription_count found_rows=count(*)
SELECT {found_rows} FROM (
    SELECT id FROM subscription NOT INDEXED
    WHERE id > :after AND (:states >> state) & 1
        {or_restorable}
        AND (:region IS NULL OR region = :region) AND (:protocol IS NULL OR protocol = :protocol)
        AND topic_id NOT IN (SELECT id FROM topic WHERE deleted = 1)
        {of_setting_and_protocols}
    ORDER BY id LIMIT :limit OFFSET :offset
);

-- Row ids of one owner.
-- name: subscription_ids_by_account
-- variant: subscription_count_by_account found_rows=count(*)
SELECT {found_rows} FROM (
    SELECT id FROM subscription INDEXED BY subscription_by_account
    WHERE account_id = :account_id AND id > :after AND (:states >> state) & 1
        {or_restorable}
        AND (:protocol IS NULL OR protocol = :protocol)
        AND topic_id NOT IN (SELECT id FROM topic WHERE deleted = 1)
        {of_setting_and_protocols}
    ORDER BY id LIMIT :limit OFFSET :offset
);

-- Row ids of one owner in one region.
-- name: subscription_ids_by_region
-- variant: subscription_count_by_region found_rows=count(*)
SELECT {found_rows} FROM (
    SELECT id FROM subscription INDEXED BY subscription_by_region
    WHERE account_id = :account_id AND region = :region AND id > :after AND (:states >> state) & 1
        {or_restorable}
        AND (:protocol IS NULL OR protocol = :protocol)
        AND topic_id NOT IN (SELECT id FROM topic WHERE deleted = 1)
        {of_setting_and_protocols}
    ORDER BY id LIMIT :limit OFFSET :offset
);

-- Row ids of one topic.
-- name: subscription_ids_by_topic
-- variant: subscription_count_by_topic found_rows=count(*)
SELECT {found_rows} FROM (
    SELECT id FROM subscription INDEXED BY subscription_by_topic
    WHERE topic_id = (SELECT id FROM topic WHERE id = :topic_id AND deleted = 0)
        AND id > :after AND (:states >> state) & 1
        {or_restorable}
        AND (:protocol IS NULL OR protocol = :protocol) AND (:region IS NULL OR region = :region)
        AND (:account_id IS NULL OR account_id = :account_id)
        {of_setting_and_protocols}
    ORDER BY id LIMIT :limit OFFSET :offset
);

-- Row ids of one topic in one state.
-- name: subscription_ids_by_state
-- variant: subscription_count_by_state found_rows=count(*)
SELECT {found_rows} FROM (
    SELECT id FROM subscription INDEXED BY subscription_by_state
    WHERE topic_id = (SELECT id FROM topic WHERE id = :topic_id AND deleted = 0)
        AND state = :state AND id > :after
        {or_restorable}
        AND (:protocol IS NULL OR protocol = :protocol) AND (:region IS NULL OR region = :region)
        AND (:account_id IS NULL OR account_id = :account_id)
        {of_setting_and_protocols}
    ORDER BY id LIMIT :limit OFFSET :offset
);

-- Row ids of one endpoint.
-- name: subscription_ids_by_endpoint
-- variant: subscription_count_by_endpoint found_rows=count(*)
SELECT {found_rows} FROM (
    SELECT id FROM subscription INDEXED BY subscription_by_endpoint
    WHERE endpoint = :endpoint AND id > :after AND (:states >> state) & 1
        {or_restorable}
        AND (:topic_id IS NULL OR topic_id = :topic_id) AND (:protocol IS NULL OR protocol = :protocol)
        AND (:account_id IS NULL OR account_id = :account_id) AND (:region IS NULL OR region = :region)
        AND topic_id NOT IN (SELECT id FROM topic WHERE deleted = 1)
        {of_setting_and_protocols}
    ORDER BY id LIMIT :limit OFFSET :offset
);

-- The four below are for long lists without filters: the least work per row, from the nearer end. `state <> 4` is what a list
-- shows. From the far end the tally says, in the same snapshot, how many rows to skip.

-- Row ids of one owner in one region, all states that are listed.
-- name: subscription_ids_by_region_near
SELECT {found_rows} FROM (
    SELECT id FROM subscription INDEXED BY subscription_by_region
    WHERE account_id = :account_id AND region = :region AND id > :after AND state <> 4
        AND (NOT EXISTS (SELECT 1 FROM topic WHERE deleted = 1) OR topic_id NOT IN (SELECT id FROM topic WHERE deleted = 1))
    ORDER BY id LIMIT :limit OFFSET :offset
);

-- The same, counted from the other end.
-- name: subscription_ids_by_region_far
WITH tally AS (
    SELECT coalesce(sum(listed), 0) - :offset AS rest FROM listed_tally WHERE account_id = :account_id AND region = :region
)
SELECT {found_rows} FROM (
    SELECT id FROM subscription INDEXED BY subscription_by_region
    WHERE account_id = :account_id AND region = :region AND state <> 4
        AND (NOT EXISTS (SELECT 1 FROM topic WHERE deleted = 1) OR topic_id NOT IN (SELECT id FROM topic WHERE deleted = 1))
    ORDER BY id DESC
    LIMIT (SELECT max(0, min(:limit, rest)) FROM tally) OFFSET (SELECT max(0, rest - :limit) FROM tally)
);

-- Row ids of one topic, all states that are listed.
-- name: subscription_ids_by_topic_near
SELECT {found_rows} FROM (
    SELECT id FROM subscription INDEXED BY subscription_by_topic
    WHERE topic_id = (SELECT id FROM topic WHERE id = :topic_id AND deleted = 0) AND id > :after AND state <> 4
    ORDER BY id LIMIT :limit OFFSET :offset
);

-- The same, counted from the other end.
-- name: subscription_ids_by_topic_far
WITH tally AS (
    SELECT coalesce(sum(unconfirmed + confirmed + canceled), 0) - :offset AS rest FROM topic_tally WHERE topic_id = :topic_id
)
SELECT {found_rows} FROM (
    SELECT id FROM subscription INDEXED BY subscription_by_topic
    WHERE topic_id = (SELECT id FROM topic WHERE id = :topic_id AND deleted = 0) AND state <> 4
    ORDER BY id DESC
    LIMIT (SELECT max(0, min(:limit, rest)) FROM tally) OFFSET (SELECT max(0, rest - :limit) FROM tally)
);

-- How many canceled subscriptions of a topic may still come back after a time.
-- name: subscription_restorable_count
SELECT count(*) FROM subscription INDEXED BY subscription_restorable
WHERE topic_id = ?1 AND state = 3 AND come_back_until IS NOT NULL AND come_back_until > ?2;

-- How many subscriptions of one owner in one region are listed.
-- name: subscription_total_by_region
SELECT coalesce(sum(listed), 0) FROM listed_tally WHERE account_id = :account_id AND region = :region;

-- How many subscriptions of one topic are listed.
-- name: subscription_total_by_topic
SELECT coalesce(sum(unconfirmed + confirmed + canceled), 0) FROM topic_tally
WHERE topic_id = (SELECT id FROM topic WHERE id = :topic_id AND deleted = 0);

-- Add a link's token.
-- name: token_add
INSERT INTO token (digest, purpose, subscription_uid, created_at, expires_at, used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6);

-- Mark a token as used; the first use stays.
-- name: token_use
UPDATE token SET used_at = ?2 WHERE digest = ?1 AND used_at IS NULL;

-- Make all tokens of a subscription worthless.
-- name: token_void
DELETE FROM token WHERE subscription_uid = ?1;

-- One token.
-- name: token_by_digest
SELECT digest, purpose, subscription_uid, created_at, expires_at, used_at FROM token WHERE digest = ?1;

-- Add an event of a recipient's requests to confirm.
-- name: confirmation_request_add
INSERT INTO confirmation_request (recipient, at, what, account_id, topic_id) VALUES (?1, ?2, ?3, ?4, ?5);

-- What happened to a recipient's requests after a time, newest first.
-- name: confirmation_request_list
SELECT recipient, at, what, account_id, topic_id FROM confirmation_request INDEXED BY confirmation_request_by_recipient
WHERE recipient = ?1 AND at > ?2 ORDER BY id DESC LIMIT 1000;
