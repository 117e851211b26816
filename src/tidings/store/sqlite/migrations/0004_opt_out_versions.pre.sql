-- Opt-outs are compared before they are changed: every change of a row gives it a version that no row ever had before, so that a row which
-- was lifted and came back is not taken for the one that was read.
ALTER TABLE opt_out ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

CREATE TABLE opt_out_version (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    given INTEGER NOT NULL
) STRICT;

INSERT INTO opt_out_version (id, given) VALUES (1, 0);

-- The release before gives no versions: its rows get them here.
CREATE TRIGGER opt_out_added_without_version AFTER INSERT ON opt_out WHEN new.version = 0 BEGIN
    UPDATE opt_out_version SET given = given + 1;
    UPDATE opt_out SET version = (SELECT given FROM opt_out_version) WHERE id = new.id;
END;

CREATE TRIGGER opt_out_changed_without_version AFTER UPDATE ON opt_out WHEN new.version = old.version BEGIN
    UPDATE opt_out_version SET given = given + 1;
    UPDATE opt_out SET version = (SELECT given FROM opt_out_version) WHERE id = new.id;
END;

-- How often something was tried, such as the code of a confirmation, in a window that began with the first try.
CREATE TABLE limited_try (
    key TEXT PRIMARY KEY,
    begun_at INTEGER NOT NULL,
    tries INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Whose number is it? Senders are looked up whenever a text names one.
CREATE INDEX sms_application_by_sender ON sms_application (sender, account_id, app_id) WHERE sender <> '';
