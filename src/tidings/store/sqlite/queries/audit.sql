-- The audit trail: added to and read, never changed.

-- Add one entry; the code repeats the group after VALUES.
-- name: audit_add
INSERT INTO audit (
    account_id, at, action, subject, way, via, principal, key_id, remote_address, user_agent, request_id, before, after,
    detail, count
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- Entries by row id, a JSON array, ascending.
-- name: audit_by_ids
SELECT account_id, at, action, subject, way, via, principal, key_id, remote_address, user_agent, request_id, before,
    after, detail, count, id
FROM audit WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id;

-- The two below give row ids as one JSON array; see subscriptions.sql.

-- Ids from a place on.
-- name: audit_ids
SELECT json_group_array(id) FROM (
    SELECT id FROM audit
    WHERE id > :after AND (:account_id IS NULL OR account_id = :account_id)
        AND (:since IS NULL OR at >= :since) AND (:until IS NULL OR at < :until)
        AND (:actions IS NULL OR action IN (SELECT value FROM json_each(:actions))
            OR substr(action, 1, instr(action, '.') - 1) IN (SELECT value FROM json_each(:actions)))
        AND (:principal IS NULL OR principal = :principal
            OR substr(principal, -length(:principal) - 1) IN ('/' || :principal, ':' || :principal))
        AND (:text IS NULL OR instr(lower(subject), lower(:text)) > 0)
    ORDER BY id LIMIT :limit
);

-- Ids from a place back.
-- name: audit_ids_last
SELECT json_group_array(id) FROM (
    SELECT id FROM audit
    WHERE id < :before AND (:account_id IS NULL OR account_id = :account_id)
        AND (:since IS NULL OR at >= :since) AND (:until IS NULL OR at < :until)
        AND (:actions IS NULL OR action IN (SELECT value FROM json_each(:actions))
            OR substr(action, 1, instr(action, '.') - 1) IN (SELECT value FROM json_each(:actions)))
        AND (:principal IS NULL OR principal = :principal
            OR substr(principal, -length(:principal) - 1) IN ('/' || :principal, ':' || :principal))
        AND (:text IS NULL OR instr(lower(subject), lower(:text)) > 0)
    ORDER BY id DESC LIMIT :limit
);

-- The rows below are read before a unit changes them.

-- One template by its row's id.
-- name: template_by_id
SELECT id, uid, account_id, name, protocol, content, created_at, updated_at, version FROM message_template WHERE id = ?1;

-- One inbound address by its row's id, deleted or not.
-- name: inbound_address_by_id
SELECT id, account_id, address, kind, created_at, country, description, keywords, replies, deleted_at, version
FROM inbound_address WHERE id = ?1;

-- One blocking rule of an account, at a deleted address too.
-- name: blocking_rule_by_name
SELECT account_id, address, app_id, types
FROM inbound_address JOIN blocking_rule ON address_id = id
WHERE account_id = ?1 AND address = ?2 AND app_id = ?3;

-- One subscription by its row's id.
-- name: subscription_by_id
SELECT * FROM subscription_row WHERE id = ?1;
