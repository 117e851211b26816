-- Texts: inbound addresses with their keywords, applications, blocking rules, people who are opted out, texts that came in; signs and
-- templates, texts that applications send and what became of them.

-- A deleted address keeps its row, its rules and its opt-outs: hidden, and there again when it is added again.
CREATE TABLE inbound_address (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id TEXT NOT NULL,
    address TEXT NOT NULL,
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    country TEXT NOT NULL,
    description TEXT NOT NULL,
    keywords TEXT NOT NULL,
    replies TEXT NOT NULL,
    deleted_at INTEGER,
    version INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX inbound_address_by_name ON inbound_address (account_id, address);
-- A text arrives at one account. `*` stands for all of an account: every account may have it.
CREATE UNIQUE INDEX inbound_address_live ON inbound_address (address) WHERE deleted_at IS NULL AND address <> '*';

CREATE TABLE sms_application (
    account_id TEXT NOT NULL,
    app_id TEXT NOT NULL,
    sender TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    settings TEXT NOT NULL,
    PRIMARY KEY (account_id, app_id)
) STRICT, WITHOUT ROWID;

-- `types` has the bit 1 << type for every type that is blocked.
CREATE TABLE blocking_rule (
    address_id INTEGER NOT NULL,
    app_id TEXT NOT NULL,
    types INTEGER NOT NULL CHECK (types > 0),
    PRIMARY KEY (address_id, app_id)
) STRICT, WITHOUT ROWID;

-- `account_id` is the address's, copied for the lists.
CREATE TABLE opt_out (
    id INTEGER PRIMARY KEY,
    phone TEXT NOT NULL,
    address_id INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    since INTEGER NOT NULL,
    event_at INTEGER NOT NULL,
    way TEXT NOT NULL,
    reason TEXT NOT NULL,
    keyword TEXT NOT NULL,
    raw_text TEXT NOT NULL,
    principal TEXT NOT NULL
) STRICT;

-- What is asked before every text, and nothing else: so narrow that the pages of ten million fit where rows would not, and that rows
-- are added at the table's end whatever the order of phones.
CREATE UNIQUE INDEX opt_out_by_phone ON opt_out (phone, address_id);
CREATE INDEX opt_out_by_account ON opt_out (account_id, since, phone, address_id);
CREATE INDEX opt_out_by_address ON opt_out (address_id, since, phone);

CREATE TABLE heard_text (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id TEXT NOT NULL,
    address TEXT NOT NULL,
    phone TEXT NOT NULL,
    text TEXT NOT NULL,
    at INTEGER NOT NULL,
    sent_at INTEGER,
    transport_id TEXT NOT NULL,
    matched TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX heard_text_once ON heard_text (account_id, address, transport_id) WHERE transport_id <> '';
CREATE INDEX heard_text_by_phone ON heard_text (phone, account_id, address, at);
CREATE INDEX heard_text_by_account ON heard_text (account_id, id, matched);
CREATE INDEX heard_text_by_address ON heard_text (account_id, address, id);
CREATE INDEX heard_text_unmatched ON heard_text (account_id, address, id) WHERE matched = '';
CREATE INDEX heard_text_by_time ON heard_text (at);

-- Opt-outs at every address, also a deleted one, and of every account at its addresses that are not deleted.
CREATE TABLE address_tally (
    address_id INTEGER PRIMARY KEY,
    opt_outs INTEGER NOT NULL
) STRICT;

CREATE TABLE opt_out_tally (
    account_id TEXT PRIMARY KEY,
    opt_outs INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER opt_out_added AFTER INSERT ON opt_out BEGIN
    INSERT INTO address_tally (address_id, opt_outs) VALUES (new.address_id, 1)
        ON CONFLICT DO UPDATE SET opt_outs = opt_outs + 1;
    INSERT INTO opt_out_tally (account_id, opt_outs)
        SELECT new.account_id, 1 FROM inbound_address WHERE id = new.address_id AND deleted_at IS NULL
        ON CONFLICT DO UPDATE SET opt_outs = opt_outs + 1;
END;

CREATE TRIGGER opt_out_removed AFTER DELETE ON opt_out BEGIN
    UPDATE address_tally SET opt_outs = opt_outs - 1 WHERE address_id = old.address_id;
    UPDATE opt_out_tally SET opt_outs = opt_outs - 1
        WHERE account_id = old.account_id
            AND EXISTS (SELECT 1 FROM inbound_address WHERE id = old.address_id AND deleted_at IS NULL);
END;

-- However many opt-outs an address has, it takes them away and brings them back in one step.
CREATE TRIGGER inbound_address_moved AFTER UPDATE OF deleted_at ON inbound_address
    WHEN (old.deleted_at IS NULL) <> (new.deleted_at IS NULL)
BEGIN
    UPDATE opt_out_tally SET opt_outs = opt_out_tally.opt_outs + iif(new.deleted_at IS NULL, 1, -1) * address_tally.opt_outs
        FROM address_tally
        WHERE address_tally.address_id = new.id AND opt_out_tally.account_id = new.account_id;
    INSERT INTO opt_out_tally (account_id, opt_outs)
        SELECT new.account_id, opt_outs FROM address_tally WHERE address_id = new.id AND new.deleted_at IS NULL
        ON CONFLICT DO NOTHING;
END;

-- Whose name stands before a text, and the texts with places in them. Their ids are given by the caller.
CREATE TABLE sms_sign (
    account_id TEXT NOT NULL,
    id INTEGER NOT NULL,
    content TEXT NOT NULL,
    reach INTEGER NOT NULL,
    review INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    document INTEGER NOT NULL,
    remark TEXT NOT NULL,
    review_reply TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX sms_sign_by_content ON sms_sign (account_id, content);

CREATE TABLE sms_template (
    account_id TEXT NOT NULL,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    sms_type INTEGER NOT NULL,
    reach INTEGER NOT NULL,
    review INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    remark TEXT NOT NULL,
    review_reply TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;

-- A text that was accepted, and what became of it. `day`: of `accepted_at`, since 1970; no generated column, which an
-- index never covers. `report_id` is 0 until its report comes, and then the next one of the counter below.
CREATE TABLE sent_text (
    id INTEGER PRIMARY KEY,
    serial TEXT NOT NULL,
    account_id TEXT NOT NULL,
    app_id TEXT NOT NULL,
    phone TEXT NOT NULL,
    sms_type INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    day INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    template_id INTEGER NOT NULL,
    sign TEXT NOT NULL,
    session TEXT NOT NULL,
    extend TEXT NOT NULL,
    digest BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    detail TEXT NOT NULL DEFAULT '',
    reported_at INTEGER,
    report_id INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX sent_text_by_serial ON sent_text (serial);
-- By day first: phones come in no order, so that every new row changes a page of its own, and those of one day fit into the cache.
CREATE INDEX sent_text_by_phone ON sent_text (day, phone, account_id, app_id, accepted_at, digest);
CREATE INDEX sent_text_by_account ON sent_text (account_id, accepted_at, app_id);
CREATE INDEX sent_text_by_time ON sent_text (accepted_at);
CREATE INDEX sent_text_by_report ON sent_text (account_id, app_id, report_id, reported_at) WHERE report_id > 0;

-- Reports are numbered in the order in which they are committed. The number outlives the texts, so that no reader misses one.
CREATE TABLE text_report_counter (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    given INTEGER NOT NULL
) STRICT;

INSERT INTO text_report_counter (id, given) VALUES (1, 0);

-- A part of a text that a network took, by the network's id of it. Goes when its text goes.
CREATE TABLE text_part (
    transport_id TEXT PRIMARY KEY,
    text_id INTEGER NOT NULL,
    delivered INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX text_part_by_text ON text_part (text_id, delivered);

CREATE TABLE sms_tally (
    account_id TEXT NOT NULL,
    hour INTEGER NOT NULL,
    app_id TEXT NOT NULL,
    sms_type INTEGER NOT NULL,
    what TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (account_id, hour, app_id, sms_type, what)
) STRICT, WITHOUT ROWID;

CREATE INDEX sms_tally_by_hour ON sms_tally (hour);

-- How far those have read who read reports, replies or changes of consent one after the other.
CREATE TABLE reader (
    account_id TEXT NOT NULL,
    app_id TEXT NOT NULL,
    name TEXT NOT NULL,
    last_id INTEGER NOT NULL,
    PRIMARY KEY (account_id, app_id, name)
) STRICT, WITHOUT ROWID;

-- The last day on which a text was sent from a number.
CREATE TABLE sender_use (
    account_id TEXT NOT NULL,
    sender TEXT NOT NULL,
    day INTEGER NOT NULL,
    PRIMARY KEY (account_id, sender)
) STRICT, WITHOUT ROWID;

-- Texts on which somebody has to decide, by the id of their ledger entry: a row goes when the decision is written down. The ledger alone
-- would tell, but only to one who reads all of it.
CREATE TABLE open_review (
    account_id TEXT NOT NULL,
    id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;

-- What the ledger says of a phone at an inbound address. Such entries get indexes of their own; the others pay nothing for them.
ALTER TABLE ledger ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE ledger ADD COLUMN keyword TEXT NOT NULL DEFAULT '';
ALTER TABLE ledger ADD COLUMN transport_id TEXT NOT NULL DEFAULT '';
ALTER TABLE ledger ADD COLUMN sent_at INTEGER;

CREATE INDEX ledger_by_address ON ledger (account_id, address, event, id, at, way) WHERE address <> '';
CREATE INDEX ledger_by_event ON ledger (account_id, event, id, at, way)
    WHERE event IN ('opted-out', 'opted-in', 'review', 'reviewed');
