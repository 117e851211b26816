-- No server of the release before runs any more: the table takes the name that was a view's, and its indexes follow.
DROP VIEW inbound_text;
ALTER TABLE heard_text RENAME TO inbound_text;

DROP INDEX heard_text_once;
DROP INDEX heard_text_by_phone;
DROP INDEX heard_text_by_account;
DROP INDEX heard_text_by_address;
DROP INDEX heard_text_unmatched;
DROP INDEX heard_text_by_time;

CREATE UNIQUE INDEX inbound_text_once ON inbound_text (account_id, address, transport_id) WHERE transport_id <> '';
CREATE INDEX inbound_text_by_phone ON inbound_text (phone, account_id, address, at);
CREATE INDEX inbound_text_by_account ON inbound_text (account_id, id, matched);
CREATE INDEX inbound_text_by_address ON inbound_text (account_id, address, id);
CREATE INDEX inbound_text_unmatched ON inbound_text (account_id, address, id) WHERE matched = '';
CREATE INDEX inbound_text_by_time ON inbound_text (at);
