-- What guards of units ask within the transaction.

-- An account's topics.
-- name: count_topics
SELECT sum(topics) FROM region_tally WHERE account_id = ?1;

-- Unconfirmed and confirmed subscriptions of a topic.
-- name: count_live
SELECT unconfirmed + confirmed FROM topic_tally WHERE topic_id = ?1;

-- Unconfirmed subscriptions of an account.
-- name: count_unconfirmed
SELECT unconfirmed FROM account_tally WHERE account_id = ?1;

-- An account's message templates.
-- name: count_templates
SELECT count(*) FROM message_template WHERE account_id = ?1;

-- An account's templates of texts.
-- name: count_sms_templates
SELECT count(*) FROM sms_template WHERE account_id = ?1;

-- An account's signs.
-- name: count_sms_signs
SELECT count(*) FROM sms_sign WHERE account_id = ?1;

-- An account's inbound addresses that are not deleted, with that which stands for all of the account.
-- name: count_inbound_addresses
SELECT count(*) FROM inbound_address WHERE account_id = ?1 AND deleted_at IS NULL;

-- Confirmation requests of a recipient since a time; as many as are looked at (`confirmation_request_list`).
-- name: count_requests
SELECT count(*) FROM (
    SELECT at FROM confirmation_request INDEXED BY confirmation_request_by_recipient
    WHERE recipient = ?1 AND at > ?2 ORDER BY id DESC LIMIT 1000
);

-- Whether a phone, under its forms, a JSON array, said more at an address since a time than up to a text.
-- name: inbound_text_after
SELECT 1
FROM json_each(?3) AS form CROSS JOIN inbound_text ON inbound_text.phone = form.value
WHERE account_id = ?1 AND address = ?2 AND at >= ?4 AND inbound_text.id > ?5 LIMIT 1;

-- Whether the outcome of a text is not known yet.
-- name: text_is_waiting
SELECT state = 'waiting' FROM sent_text WHERE serial = ?1;
