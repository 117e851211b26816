-- Who is signed in to the console. `digest`: SHA-256 of the cookie's text, which is kept nowhere. `mark`: a digest over what of the user ends
-- the session when it changes. `ends_at`: when it ends if it is not used before, at most `expires_at`.
CREATE TABLE console_session (
    digest BLOB PRIMARY KEY,
    account_id TEXT NOT NULL,
    user TEXT NOT NULL,
    mark BLOB NOT NULL,
    begun_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    remote_address TEXT NOT NULL,
    user_agent TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX console_session_by_user ON console_session (account_id, user);

CREATE INDEX console_session_by_end ON console_session (ends_at);
