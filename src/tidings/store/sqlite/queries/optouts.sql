-- Opt-outs by text. Addresses are named by their text outside, and by their row id in here.

-- Add an inbound address.
-- name: inbound_address_add
INSERT INTO inbound_address (
    account_id, address, kind, created_at, country, description, keywords, replies, deleted_at, version
)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10);

-- Change an inbound address if nobody was faster.
-- name: inbound_address_change
UPDATE inbound_address
SET kind = ?3, created_at = ?4, country = ?5, description = ?6, keywords = ?7, replies = ?8, deleted_at = ?9,
    version = version + 1
WHERE id = ?1 AND version = ?2;

-- The row id of an account's inbound address, deleted or not.
-- name: inbound_address_id
SELECT id FROM inbound_address WHERE account_id = ?1 AND address = ?2;

-- An account's inbound addresses.
-- name: inbound_address_list
SELECT id, account_id, address, kind, created_at, country, description, keywords, replies, deleted_at, version
FROM inbound_address WHERE account_id = ?1 AND deleted_at IS NULL ORDER BY id;

-- One inbound address, deleted or not.
-- name: inbound_address_by_name
SELECT id, account_id, address, kind, created_at, country, description, keywords, replies, deleted_at, version
FROM inbound_address WHERE account_id = ?1 AND address = ?2;

-- The one account's at which texts to an address arrive.
-- name: inbound_address_live
SELECT id, account_id, address, kind, created_at, country, description, keywords, replies, deleted_at, version
FROM inbound_address INDEXED BY inbound_address_live WHERE address = ?1 AND deleted_at IS NULL AND address <> '*';

-- The live ones of all accounts that are numbers with these last digits.
-- name: inbound_address_ending
SELECT id, account_id, address, kind, created_at, country, description, keywords, replies, deleted_at, version
FROM inbound_address INDEXED BY inbound_address_live
WHERE deleted_at IS NULL AND address <> '*' AND address LIKE '+%' || ?1 ORDER BY id;

-- Add an application or change the one of this id.
-- name: sms_application_put
INSERT INTO sms_application (account_id, app_id, sender, created_at, settings) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (account_id, app_id) DO UPDATE
SET sender = excluded.sender, created_at = excluded.created_at, settings = excluded.settings;

-- Which accounts claim which numbers: live inbound addresses, and senders of applications.
-- name: number_claim_list
SELECT account_id, address, '' FROM inbound_address INDEXED BY inbound_address_live
WHERE deleted_at IS NULL AND address <> '*'
UNION ALL
SELECT account_id, sender, app_id FROM sms_application INDEXED BY sms_application_by_sender WHERE sender <> '';

-- The same of some numbers, a JSON array.
-- name: number_claims_of
SELECT account_id, address, '' FROM inbound_address INDEXED BY inbound_address_live
WHERE deleted_at IS NULL AND address <> '*' AND address IN (SELECT value FROM json_each(?1))
UNION ALL
SELECT account_id, sender, app_id FROM sms_application INDEXED BY sms_application_by_sender
WHERE sender <> '' AND sender IN (SELECT value FROM json_each(?1));

-- An account's applications.
-- name: sms_application_list
SELECT account_id, app_id, sender, created_at, settings FROM sms_application WHERE account_id = ?1 ORDER BY app_id;

-- One application.
-- name: sms_application_by_id
SELECT account_id, app_id, sender, created_at, settings FROM sms_application WHERE account_id = ?1 AND app_id = ?2;

-- The number from which an application's texts come.
-- name: sms_sender
SELECT sender FROM sms_application WHERE account_id = ?1 AND app_id = ?2;

-- Add a blocking rule or change the one of this address and application.
-- name: blocking_rule_put
INSERT INTO blocking_rule (address_id, app_id, types)
SELECT id, ?3, ?4 FROM inbound_address WHERE account_id = ?1 AND address = ?2
ON CONFLICT (address_id, app_id) DO UPDATE SET types = excluded.types;

-- Remove a blocking rule.
-- name: blocking_rule_remove
DELETE FROM blocking_rule
WHERE address_id = (SELECT id FROM inbound_address WHERE account_id = ?1 AND address = ?2) AND app_id = ?3;

-- An account's blocking rules.
-- name: blocking_rule_list
SELECT account_id, address, app_id, types
FROM inbound_address JOIN blocking_rule ON address_id = id
WHERE account_id = ?1 AND deleted_at IS NULL ORDER BY id, app_id;

-- The version of the next change of opt-outs.
-- name: opt_out_version_next
UPDATE opt_out_version SET given = given + 1 RETURNING given;

-- Opt a phone out that is not opted out. The code repeats the group after VALUES.
-- name: opt_out_add
INSERT INTO opt_out (phone, address_id, account_id, since, event_at, way, reason, keyword, raw_text, principal, version)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- The same for a list: whoever is opted out stays as he is.
-- name: opt_out_add_absent
INSERT INTO opt_out (phone, address_id, account_id, since, event_at, way, reason, keyword, raw_text, principal, version)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (phone, address_id) DO NOTHING;

-- Which of some pairs of phone and address, a JSON array, have another version than this.
-- name: opt_out_not_of_version
SELECT phone, address_id
FROM json_each(?1) AS wanted
    CROSS JOIN opt_out ON phone = wanted.value ->> 0 AND address_id = wanted.value ->> 1
WHERE version <> ?2;

-- Change how an opt-out came about, if nobody was faster.
-- name: opt_out_change
UPDATE opt_out
SET since = ?4, event_at = ?5, way = ?6, reason = ?7, keyword = ?8, raw_text = ?9, principal = ?10, version = ?11
WHERE phone = ?1 AND address_id = ?2 AND account_id = ?3 AND version = ?12;

-- Lift an opt-out, unless it was changed since it was read.
-- name: opt_out_lift
DELETE FROM opt_out
WHERE phone = ?3 AND address_id = (SELECT id FROM inbound_address WHERE account_id = ?1 AND address = ?2)
    AND version = ?4;

-- Whether a phone is opted out at an address, deleted or not.
-- name: opt_out_is_there
SELECT 1 FROM opt_out
WHERE phone = ?3 AND address_id = (SELECT id FROM inbound_address WHERE account_id = ?1 AND address = ?2);

-- Read the index that is asked before every text, so that its pages are in memory.
-- name: opt_out_warm
SELECT count(*) FROM (SELECT 1 FROM opt_out INDEXED BY opt_out_by_phone LIMIT ?1);

-- By which data on numbering plans phones were last written anew.
-- name: number_plans_version
SELECT version FROM number_plans;

-- Now by this.
-- name: number_plans_put
INSERT INTO number_plans (id, version) VALUES (1, ?1) ON CONFLICT DO UPDATE SET version = excluded.version;

-- Phones that are opted out somewhere, ascending, starting after one.
-- name: opt_out_phones
SELECT DISTINCT phone FROM opt_out INDEXED BY opt_out_by_phone WHERE phone > ?1 ORDER BY phone LIMIT ?2;

-- Of a person who is opted out at an address under two forms, ?1 and ?2, what was said last is kept: take the second away where it is older.
-- name: opt_out_outdated
DELETE FROM opt_out
WHERE phone = ?2 AND EXISTS (
    SELECT 1 FROM opt_out AS other
    WHERE other.phone = ?1 AND other.address_id = opt_out.address_id AND other.event_at > opt_out.event_at
);

-- Write the first form as the second, where that is free.
-- name: opt_out_respell
UPDATE OR IGNORE opt_out SET phone = ?2 WHERE phone = ?1;

-- And take it away where it is not. ?2 is the form that stays.
-- name: opt_out_forget
DELETE FROM opt_out WHERE phone = ?1 AND ?1 <> ?2;

-- The two below that ask for one phone: the code adds the other forms of the number.

-- Whether a phone is opted out at an address or of the whole account.
-- name: opted_out_at
-- variant: opted_out_at_1 phone_forms=?3
-- variant: opted_out_at_2 phone_forms=?3, ?4
-- variant: opted_out_at_3 phone_forms=?3, ?4, ?5
-- variant: opted_out_at_4 phone_forms=?3, ?4, ?5, ?6
-- variant: opted_out_at_5 phone_forms=?3, ?4, ?5, ?6, ?7
-- variant: opted_out_at_6 phone_forms=?3, ?4, ?5, ?6, ?7, ?8
-- variant: opted_out_at_7 phone_forms=?3, ?4, ?5, ?6, ?7, ?8, ?9
-- variant: opted_out_at_8 phone_forms=?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
SELECT 1
FROM opt_out CROSS JOIN inbound_address ON inbound_address.id = opt_out.address_id
WHERE phone IN ({phone_forms}) AND inbound_address.account_id = ?1 AND deleted_at IS NULL AND address IN (?2, '*') LIMIT 1;

-- The two below are `domain.optout.covers` in SQL. A type is a bit of the rule's; `*` blocks everything, and so does an address
-- without a rule of `topics` for the texts of topics.

-- The first inbound address at which a phone's opt-out blocks a text of an application and type.
-- name: text_blocked
-- variant: text_blocked_1 phone_forms=?4
-- variant: text_blocked_2 phone_forms=?4, ?5
-- variant: text_blocked_3 phone_forms=?4, ?5, ?6
-- variant: text_blocked_4 phone_forms=?4, ?5, ?6, ?7
-- variant: text_blocked_5 phone_forms=?4, ?5, ?6, ?7, ?8
-- variant: text_blocked_6 phone_forms=?4, ?5, ?6, ?7, ?8, ?9
-- variant: text_blocked_7 phone_forms=?4, ?5, ?6, ?7, ?8, ?9, ?10
-- variant: text_blocked_8 phone_forms=?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11
SELECT address
FROM opt_out
    CROSS JOIN inbound_address ON inbound_address.id = opt_out.address_id
    LEFT JOIN blocking_rule ON blocking_rule.address_id = opt_out.address_id AND app_id = ?2
WHERE phone IN ({phone_forms}) AND inbound_address.account_id = ?1 AND deleted_at IS NULL
    AND (address = '*' OR coalesce((types >> ?3) & 1, ?2 = 'topics'))
ORDER BY opt_out.address_id LIMIT 1;

-- The same for many phones, a JSON array: the blocked ones, each with all its addresses, first one first.
-- name: texts_blocked
SELECT opt_out.phone, address
FROM (SELECT DISTINCT value AS phone FROM json_each(?4)) AS asked
    CROSS JOIN opt_out ON opt_out.phone = asked.phone
    CROSS JOIN inbound_address ON inbound_address.id = opt_out.address_id
    LEFT JOIN blocking_rule ON blocking_rule.address_id = opt_out.address_id AND app_id = ?2
WHERE inbound_address.account_id = ?1 AND deleted_at IS NULL
    AND (address = '*' OR coalesce((types >> ?3) & 1, ?2 = 'topics'))
ORDER BY opt_out.phone, opt_out.address_id;

-- Where in an account a phone is opted out.
-- name: opt_out_by_phone
SELECT opt_out.account_id, address, phone, since, event_at, way, reason, keyword, raw_text, principal, opt_out.version
FROM opt_out CROSS JOIN inbound_address ON inbound_address.id = opt_out.address_id
WHERE phone IN (SELECT value FROM json_each(?2)) AND +opt_out.account_id = ?1 AND deleted_at IS NULL
ORDER BY opt_out.address_id;

-- The three below give pairs of phone and address as one JSON array, in the order of the list; see subscriptions.sql.

-- fragment: phone_forms
NULL

-- fragment: found_keys
json_group_array(json_array(phone, address_id))

-- Opt-outs of one account.
-- name: opt_out_keys_by_account
-- variant: opt_out_count_by_account found_keys=count(*)
SELECT {found_keys} FROM (
    SELECT phone, address_id FROM opt_out INDEXED BY opt_out_by_account
    WHERE account_id = :account_id AND since >= :since AND since < :until
        AND address_id IN (
            SELECT id FROM inbound_address
            WHERE account_id = :account_id AND deleted_at IS NULL
                AND (:addresses IS NULL OR address IN (SELECT value FROM json_each(:addresses)))
        )
    ORDER BY since, phone, address_id LIMIT :limit OFFSET :offset
);

-- Opt-outs at one address.
-- name: opt_out_keys_by_address
-- variant: opt_out_count_by_address found_keys=count(*)
SELECT {found_keys} FROM (
    SELECT phone, address_id FROM opt_out INDEXED BY opt_out_by_address
    WHERE address_id = (
            SELECT id FROM inbound_address WHERE account_id = :account_id AND address = :address AND deleted_at IS NULL
        )
        AND since >= :since AND since < :until
    ORDER BY since, phone LIMIT :limit OFFSET :offset
);

-- Opt-outs of some phones, a JSON array.
-- name: opt_out_keys_by_phone
-- variant: opt_out_count_by_phone found_keys=count(*)
SELECT {found_keys} FROM (
    SELECT phone, address_id FROM opt_out
    WHERE phone IN (SELECT value FROM json_each(:phones))
        AND +account_id = :account_id AND +since >= :since AND +since < :until
        AND +address_id IN (
            SELECT id FROM inbound_address
            WHERE account_id = :account_id AND deleted_at IS NULL
                AND (:addresses IS NULL OR address IN (SELECT value FROM json_each(:addresses)))
        )
    ORDER BY since, phone, address_id LIMIT :limit OFFSET :offset
);

-- Opt-outs by pairs of phone and address, a JSON array.
-- name: opt_out_by_keys
SELECT opt_out.account_id, address, phone, since, event_at, way, reason, keyword, raw_text, principal, opt_out.version
FROM json_each(?1) AS wanted
    CROSS JOIN opt_out ON phone = wanted.value ->> 0 AND address_id = wanted.value ->> 1
    CROSS JOIN inbound_address ON inbound_address.id = address_id
ORDER BY since, phone, address_id;

-- How many opt-outs an account has.
-- name: opt_out_total
SELECT coalesce(sum(opt_outs), 0) FROM opt_out_tally WHERE account_id = :account_id;

-- How many opt-outs there are at some of an account's addresses, a JSON array.
-- name: opt_out_total_by_addresses
SELECT coalesce(sum(opt_outs), 0)
FROM inbound_address JOIN address_tally ON address_id = id
WHERE account_id = :account_id AND deleted_at IS NULL AND address IN (SELECT value FROM json_each(:addresses));

-- Keep a text that came in, once.
-- name: inbound_text_add
INSERT INTO inbound_text (account_id, address, phone, text, at, sent_at, transport_id, matched)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8);

-- What a phone said at an address since a time, the newest first.
-- name: inbound_text_by_phone
SELECT id, account_id, address, phone, text, at, sent_at, transport_id, matched
FROM inbound_text
WHERE phone = ?3 AND account_id = ?1 AND address = ?2 AND at >= ?4 ORDER BY at DESC LIMIT ?5;

-- What came in at an account, a page at a time.
-- name: inbound_text_list
SELECT id, account_id, address, phone, text, at, sent_at, transport_id, matched
FROM inbound_text
WHERE account_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3;

-- What came in at one address.
-- name: inbound_text_list_at
SELECT id, account_id, address, phone, text, at, sent_at, transport_id, matched
FROM inbound_text
WHERE account_id = ?1 AND id > ?2 AND address = ?4 ORDER BY id LIMIT ?3;

-- What came in at one address and was no keyword.
-- name: inbound_text_list_unmatched_at
SELECT id, account_id, address, phone, text, at, sent_at, transport_id, matched
FROM inbound_text
WHERE account_id = ?1 AND id > ?2 AND address = ?4 AND matched = '' ORDER BY id LIMIT ?3;

-- The newest of what came in at an account.
-- name: inbound_text_end
SELECT coalesce(max(id), 0) FROM inbound_text WHERE account_id = ?1;

-- What came in at an account last.
-- name: inbound_text_last
SELECT id, account_id, address, phone, text, at, sent_at, transport_id, matched
FROM inbound_text
WHERE account_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3;

-- The ids of what came in at an account and was no keyword, as one JSON array: the first ones.
-- name: inbound_text_ids_unmatched
SELECT json_group_array(id) FROM (
    SELECT id FROM inbound_text
    WHERE account_id = ?1 AND id > ?2 AND matched = '' ORDER BY id LIMIT ?3
);

-- And the last ones.
-- name: inbound_text_ids_unmatched_last
SELECT json_group_array(id) FROM (
    SELECT id FROM inbound_text
    WHERE account_id = ?1 AND id < ?2 AND matched = '' ORDER BY id DESC LIMIT ?3
);

-- Texts that came in, by id, a JSON array.
-- name: inbound_text_by_ids
SELECT inbound_text.id, account_id, address, phone, text, at, sent_at, transport_id, matched
FROM json_each(?1) AS wanted CROSS JOIN inbound_text ON inbound_text.id = wanted.value
ORDER BY wanted.key;

-- When the newest text came in at an address.
-- name: inbound_text_newest
SELECT at FROM inbound_text
WHERE account_id = ?1 AND address = ?2 ORDER BY id DESC LIMIT 1;

-- Remove texts that came in too long ago, a bite.
-- name: sweep_inbound_texts
DELETE FROM inbound_text WHERE id IN (
    SELECT id FROM inbound_text WHERE at < ?1 ORDER BY at LIMIT ?2
);

-- Somebody has to decide on a text.
-- name: open_review_add
INSERT INTO open_review (account_id, id, at) VALUES (?1, ?2, ?3);

-- Somebody has.
-- name: open_review_remove
DELETE FROM open_review WHERE account_id = ?1 AND id = ?2;

-- Ledger ids of an account's texts on which nobody has decided, as one JSON array.
-- name: open_review_ids
SELECT json_group_array(id) FROM (
    SELECT id FROM open_review WHERE account_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3
);

-- How many there are, or how many that came before a time.
-- name: open_review_total
SELECT count(*) FROM open_review WHERE account_id = ?1 AND at < ?2;
