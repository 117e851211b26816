-- Who may call: accounts, users, access keys.

-- Add an account or change the one of this id.
-- name: account_put
INSERT INTO account (account_id, name, project_id, created_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (account_id) DO UPDATE
SET name = excluded.name, project_id = excluded.project_id, created_at = excluded.created_at;

-- Add a user or change the one of this name.
-- name: user_put
INSERT INTO user (account_id, name, role, password_hash, disabled, created_at, actions) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (account_id, name) DO UPDATE
SET role = excluded.role, password_hash = excluded.password_hash, disabled = excluded.disabled,
    created_at = excluded.created_at, actions = excluded.actions;

-- Add an access key or change the one of this id.
-- name: access_key_put
INSERT INTO access_key (key_id, account_id, user, sealed_secret, disabled, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (key_id) DO UPDATE
SET account_id = excluded.account_id, user = excluded.user, sealed_secret = excluded.sealed_secret,
    disabled = excluded.disabled, created_at = excluded.created_at;

-- One account by its id.
-- name: account_by_id
SELECT account_id, name, project_id, created_at FROM account WHERE account_id = ?1;

-- One account by its SMN name.
-- name: account_by_project
SELECT account_id, name, project_id, created_at FROM account WHERE project_id = ?1;

-- All accounts.
-- name: account_list
SELECT account_id, name, project_id, created_at FROM account ORDER BY account_id;

-- One user.
-- name: user_by_name
SELECT account_id, name, role, password_hash, disabled, created_at, actions FROM user WHERE account_id = ?1 AND name = ?2;

-- An account's users.
-- name: user_list
SELECT account_id, name, role, password_hash, disabled, created_at, actions FROM user WHERE account_id = ?1 ORDER BY name;

-- One access key.
-- name: access_key_by_id
SELECT key_id, account_id, user, sealed_secret, disabled, created_at FROM access_key WHERE key_id = ?1;

-- An account's access keys.
-- name: access_key_list
SELECT key_id, account_id, user, sealed_secret, disabled, created_at FROM access_key
WHERE account_id = ?1 ORDER BY key_id;

-- Remember what a source gave.
-- name: provisioned_put
INSERT INTO provisioned (kind, account_id, name, source, digest, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (kind, account_id, name, source) DO UPDATE SET digest = excluded.digest, at = excluded.at;

-- What was given from outside.
-- name: provisioned_list
SELECT kind, account_id, name, source, digest, at FROM provisioned ORDER BY account_id, kind, name, source;
