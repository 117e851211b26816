-- The SMS sandbox: which accounts are in it, and the numbers that they may text to.

-- Since when an account is in the sandbox.
-- name: sandbox_since
SELECT since FROM sms_sandbox WHERE account_id = ?1;

-- Put an account into the sandbox.
-- name: sandbox_enter
INSERT INTO sms_sandbox (account_id, since) VALUES (?1, ?2) ON CONFLICT DO NOTHING;

-- Take an account out of it; its numbers stay.
-- name: sandbox_leave
DELETE FROM sms_sandbox WHERE account_id = ?1;

-- An account's numbers.
-- name: sandbox_number_list
SELECT account_id, phone, created_at, sent_at, sends, salt, digest, tries, verified_at
FROM sms_sandbox_number WHERE account_id = ?1 ORDER BY phone;

-- Keep a number, new or changed.
-- name: sandbox_number_put
INSERT OR REPLACE INTO sms_sandbox_number
    (account_id, phone, created_at, sent_at, sends, salt, digest, tries, verified_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9);

-- Forget a number.
-- name: sandbox_number_remove
DELETE FROM sms_sandbox_number WHERE account_id = ?1 AND phone = ?2;

-- Whether the sandbox keeps an account's text from a phone; asked before each text of a topic.
-- name: sandbox_blocks
SELECT 1 FROM sms_sandbox WHERE account_id = ?1 AND NOT EXISTS (
    SELECT 1 FROM sms_sandbox_number WHERE account_id = ?1 AND phone = ?2 AND verified_at IS NOT NULL
);
