-- Texts that came in get the field's name. The release before goes on with `heard_text`, whose indexes its queries name; so it stays the
-- table for as long as a server of that release may run, and the new name is a view of it.
CREATE VIEW inbound_text AS SELECT id, account_id, address, phone, text, at, sent_at, transport_id, matched FROM heard_text;

CREATE TRIGGER inbound_text_added INSTEAD OF INSERT ON inbound_text BEGIN
    INSERT INTO heard_text (account_id, address, phone, text, at, sent_at, transport_id, matched)
        VALUES (new.account_id, new.address, new.phone, new.text, new.at, new.sent_at, new.transport_id, new.matched);
END;

CREATE TRIGGER inbound_text_removed INSTEAD OF DELETE ON inbound_text BEGIN
    DELETE FROM heard_text WHERE id = old.id;
END;
