-- Accounts whose topics and publishes text to verified numbers only, and these numbers. A one-time password is kept as a salted hash.
CREATE TABLE sms_sandbox (
    account_id TEXT PRIMARY KEY,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sms_sandbox_number (
    account_id TEXT NOT NULL,
    phone TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    sends INTEGER NOT NULL,
    salt BLOB NOT NULL,
    digest BLOB NOT NULL,
    tries INTEGER NOT NULL,
    verified_at INTEGER,
    PRIMARY KEY (account_id, phone)
) STRICT, WITHOUT ROWID;
