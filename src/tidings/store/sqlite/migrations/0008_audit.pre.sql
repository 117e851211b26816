-- The audit trail: who changed what about an account. Append-only, like the ledger. `before` and `after` are JSON objects of texts.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    way TEXT NOT NULL,
    via TEXT NOT NULL,
    principal TEXT NOT NULL,
    key_id TEXT NOT NULL,
    remote_address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    request_id TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    detail TEXT NOT NULL,
    count INTEGER NOT NULL
) STRICT;

CREATE INDEX audit_by_account ON audit (account_id, id, at, action, principal);

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN
    SELECT raise(ABORT, 'the audit trail is append-only');
END;

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN
    SELECT raise(ABORT, 'the audit trail is append-only');
END;

-- REPLACE removes a row without asking the trigger above.
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = new.id) BEGIN
    SELECT raise(ABORT, 'the audit trail is append-only');
END;

-- What was given from outside: by developer mode, a provisioning file or the settings of the first start. `digest` is an argon2 hash of a
-- password or secret, so that a later start knows whether its value is still the one that was given.
CREATE TABLE provisioned (
    kind TEXT NOT NULL,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    source TEXT NOT NULL,
    digest TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (kind, account_id, name, source)
) STRICT, WITHOUT ROWID;
