-- What is sealed with the secret key, and how it is put back when it was sealed anew. Used by `tidings rotate-key`.

-- name: sealed_access_keys
SELECT key_id, sealed_secret FROM access_key;

-- name: seal_access_key
UPDATE access_key SET sealed_secret = ? WHERE key_id = ?;

-- name: applications_settings
SELECT account_id, app_id, settings FROM sms_application;

-- name: set_application_settings
UPDATE sms_application SET settings = ? WHERE account_id = ? AND app_id = ?;

-- name: subscriptions_settings
SELECT id, endpoint, settings FROM subscription WHERE id > ? AND settings <> '{}' ORDER BY id LIMIT ?;

-- name: set_subscription_settings
UPDATE subscription SET settings = ? WHERE id = ?;

-- name: set_endpoint_key
UPDATE subscription SET endpoint_key = ? WHERE id = ?;

-- name: messages_whole
SELECT seq, body FROM message;

-- name: set_message
UPDATE message SET body = ? WHERE seq = ?;
