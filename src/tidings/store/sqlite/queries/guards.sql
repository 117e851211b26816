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
