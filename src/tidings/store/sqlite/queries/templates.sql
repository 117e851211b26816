-- Message templates.

-- Add a template; its name must be free for its protocol.
-- name: template_add
INSERT INTO message_template (uid, account_id, name, protocol, content, created_at, updated_at, version)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8);

-- Change a template if nobody was faster.
-- name: template_change
UPDATE message_template
SET name = ?3, protocol = ?4, content = ?5, updated_at = ?6, version = version + 1
WHERE id = ?1 AND version = ?2;

-- Remove a template.
-- name: template_remove
DELETE FROM message_template WHERE id = ?1;

-- One template by uid.
-- name: template_by_uid
SELECT id, uid, account_id, name, protocol, content, created_at, updated_at, version FROM message_template WHERE uid = ?1;

-- An account's templates, a page at a time.
-- name: template_list
SELECT id, uid, account_id, name, protocol, content, created_at, updated_at, version
FROM message_template INDEXED BY message_template_by_account
WHERE account_id = :account_id AND (:protocol IS NULL OR protocol = :protocol)
ORDER BY id LIMIT :limit OFFSET :offset;

-- An account's templates of one name: a publish asks for them.
-- name: template_list_of_name
SELECT id, uid, account_id, name, protocol, content, created_at, updated_at, version
FROM message_template INDEXED BY message_template_by_name
WHERE account_id = :account_id AND name = :name AND (:protocol IS NULL OR protocol = :protocol)
ORDER BY id LIMIT :limit OFFSET :offset;

-- How many of an account's templates a list finds on all pages.
-- name: template_total
SELECT count(*) FROM message_template INDEXED BY message_template_by_name
WHERE account_id = :account_id
    AND (:name IS NULL OR name = :name) AND (:protocol IS NULL OR protocol = :protocol);
