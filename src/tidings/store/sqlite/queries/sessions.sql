-- Sessions of the console.

-- Add a session.
-- name: session_add
INSERT INTO console_session (digest, account_id, user, mark, begun_at, used_at, ends_at, expires_at, remote_address, user_agent)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10);

-- It was used. One that has ended meanwhile does not come back.
-- name: session_use
UPDATE console_session SET used_at = ?2, ends_at = ?3, remote_address = ?4, user_agent = ?5 WHERE digest = ?1;

-- End a session.
-- name: session_end
DELETE FROM console_session WHERE digest = ?1;

-- One session.
-- name: session_by_digest
SELECT digest, account_id, user, mark, begun_at, used_at, ends_at, expires_at, remote_address, user_agent
FROM console_session WHERE digest = ?1;

-- The sessions of an account, or of one of its users, the one used last first.
-- name: session_list
SELECT digest, account_id, user, mark, begun_at, used_at, ends_at, expires_at, remote_address, user_agent
FROM console_session WHERE account_id = ?1 AND user BETWEEN coalesce(?2, '') AND coalesce(?2, char(0x10ffff))
ORDER BY used_at DESC, begun_at DESC, digest;

-- Remove sessions that have ended, a bite.
-- name: sweep_sessions
DELETE FROM console_session WHERE digest IN (
    SELECT digest FROM console_session WHERE ends_at < ?1 ORDER BY ends_at LIMIT ?2
);
