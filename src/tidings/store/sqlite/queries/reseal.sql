-- What is sealed with the secret key, and how it is put back when it was sealed anew. Used by `tidings rotate-key`.

-- Secrets of all access keys.
-- name: sealed_access_keys
SELECT key_id, sealed_secret FROM access_key;

-- Put a secret back.
-- name: seal_access_key
UPDATE access_key SET sealed_secret = ? WHERE key_id = ?;

-- Settings of all applications; a callback's secret in them is sealed.
-- name: applications_settings
SELECT account_id, app_id, settings FROM sms_application;

-- Put an application's settings back.
-- name: set_application_settings
UPDATE sms_application SET settings = ? WHERE account_id = ? AND app_id = ?;

-- Settings of a page of subscriptions; secrets of group bots and passwords of endpoints in them are sealed.
-- name: subscriptions_settings
SELECT id, endpoint, settings FROM subscription WHERE id > ? AND settings <> '{}' ORDER BY id LIMIT ?;

-- Put a subscription's settings back.
-- name: set_subscription_settings
UPDATE subscription SET settings = ? WHERE id = ?;

-- Tell an endpoint with a password from its like by another digest.
-- name: set_endpoint_key
UPDATE subscription SET endpoint_key = ? WHERE id = ?;

-- Messages that wait; notices among them hold a sealed link secret.
-- name: messages_whole
SELECT seq, body FROM message;

-- Put a message back.
-- name: set_message
UPDATE message SET body = ? WHERE seq = ?;
