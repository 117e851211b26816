-- Texts that applications send: signs, templates, texts with their reports and parts, tallies, readers.

-- Add a sign.
-- name: sms_sign_add
INSERT INTO sms_sign (
    account_id, id, version, content, reach, review, created_at, kind, document, remark, review_reply
)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11);

-- Change a sign if nobody was faster.
-- name: sms_sign_change
UPDATE sms_sign
SET content = ?4, reach = ?5, review = ?6, created_at = ?7, kind = ?8, document = ?9, remark = ?10, review_reply = ?11,
    version = version + 1
WHERE account_id = ?1 AND id = ?2 AND version = ?3;

-- Remove a sign.
-- name: sms_sign_remove
DELETE FROM sms_sign WHERE account_id = ?1 AND id = ?2;

-- One sign.
-- name: sms_sign_by_id
SELECT id, account_id, content, reach, review, created_at, kind, document, remark, review_reply, version
FROM sms_sign WHERE account_id = ?1 AND id = ?2;

-- One sign by what it says.
-- name: sms_sign_by_content
SELECT id, account_id, content, reach, review, created_at, kind, document, remark, review_reply, version
FROM sms_sign WHERE account_id = ?1 AND content = ?2;

-- An account's signs.
-- name: sms_sign_list
SELECT id, account_id, content, reach, review, created_at, kind, document, remark, review_reply, version
FROM sms_sign WHERE account_id = ?1 ORDER BY id;

-- Add a template.
-- name: sms_template_add
INSERT INTO sms_template (
    account_id, id, version, name, content, sms_type, reach, review, created_at, remark, review_reply
)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11);

-- Change a template if nobody was faster.
-- name: sms_template_change
UPDATE sms_template
SET name = ?4, content = ?5, sms_type = ?6, reach = ?7, review = ?8, created_at = ?9, remark = ?10, review_reply = ?11,
    version = version + 1
WHERE account_id = ?1 AND id = ?2 AND version = ?3;

-- Remove a template.
-- name: sms_template_remove
DELETE FROM sms_template WHERE account_id = ?1 AND id = ?2;

-- One template.
-- name: sms_template_by_id
SELECT id, account_id, name, content, sms_type, reach, review, created_at, remark, review_reply, version
FROM sms_template WHERE account_id = ?1 AND id = ?2;

-- An account's templates.
-- name: sms_template_list
SELECT id, account_id, name, content, sms_type, reach, review, created_at, remark, review_reply, version
FROM sms_template WHERE account_id = ?1 ORDER BY id;

-- Keep accepted texts. The code repeats the group after VALUES.
-- name: sent_text_add
INSERT INTO sent_text (
    serial, account_id, app_id, phone, sms_type, accepted_at, day, parts, template_id, sign, session, extend, digest
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- The index by phone has a part for every day: these two look into those that there are, one after the other.

-- When phones, a JSON array, were last sent a text by an application, and its digest.
-- name: sent_text_to
WITH RECURSIVE kept(day) AS (
    SELECT min(day) FROM sent_text INDEXED BY sent_text_by_phone WHERE day >= ?4 / 86400000000
    UNION ALL
    SELECT (SELECT min(day) FROM sent_text INDEXED BY sent_text_by_phone WHERE day > kept.day)
    FROM kept WHERE kept.day IS NOT NULL
)
SELECT sent_text.phone, accepted_at, digest
FROM kept
    CROSS JOIN (SELECT DISTINCT value AS phone FROM json_each(?3)) AS asked
    CROSS JOIN sent_text INDEXED BY sent_text_by_phone
        ON sent_text.day = kept.day AND sent_text.phone = asked.phone AND account_id = ?1 AND app_id = ?2
            AND accepted_at >= ?4
ORDER BY accepted_at;

-- Any application, or one: then its index is walked.
-- fragment: of_application
(:app_id IS NULL OR app_id = :app_id)

-- Row ids of texts to some phones, a JSON array, as one JSON array, newest first; `reported` says by which time.
-- name: sent_text_ids_by_phone
-- variant: sent_text_ids_of_application_by_phone of_application=app_id = :app_id
WITH RECURSIVE kept(day) AS (
    SELECT min(day) FROM sent_text INDEXED BY sent_text_by_phone
    UNION ALL
    SELECT (SELECT min(day) FROM sent_text INDEXED BY sent_text_by_phone WHERE day > kept.day)
    FROM kept WHERE kept.day IS NOT NULL
)
SELECT json_group_array(id) FROM (
    SELECT sent_text.id
    FROM kept
        CROSS JOIN (SELECT DISTINCT value AS phone FROM json_each(:phones)) AS asked
        CROSS JOIN sent_text INDEXED BY sent_text_by_phone
            ON sent_text.day = kept.day AND sent_text.phone = asked.phone AND account_id = :account_id
    WHERE {of_application}
        AND iif(:reported, reported_at, accepted_at) >= :since AND iif(:reported, reported_at, accepted_at) < :until
    ORDER BY iif(:reported, report_id, accepted_at) DESC, sent_text.id DESC LIMIT :limit OFFSET :offset
);

-- One text.
-- name: sent_text_by_serial
SELECT serial, account_id, app_id, phone, sms_type, accepted_at, parts, template_id, sign, session, extend, digest, state, detail,
    reported_at, report_id
FROM sent_text WHERE serial = ?1;

-- Texts whose end is known, a page at a time.
-- name: sent_text_reports
SELECT serial, account_id, app_id, phone, sms_type, accepted_at, parts, template_id, sign, session, extend, digest, state, detail,
    reported_at, report_id
FROM sent_text INDEXED BY sent_text_by_report
WHERE account_id = ?1 AND app_id = ?2 AND report_id > ?3 AND report_id > 0 ORDER BY report_id LIMIT ?4;

-- The newest report of an application.
-- name: text_report_end
SELECT coalesce(max(report_id), 0) FROM sent_text INDEXED BY sent_text_by_report
WHERE account_id = ?1 AND app_id = ?2 AND report_id > 0;

-- The two below give row ids as one JSON array, newest first; see subscriptions.sql.

-- An account's texts.
-- name: sent_text_ids
-- variant: sent_text_ids_of_application of_application=app_id = :app_id
SELECT json_group_array(id) FROM (
    SELECT id FROM sent_text INDEXED BY sent_text_by_account
    WHERE account_id = :account_id AND accepted_at >= :since AND accepted_at < :until
        AND {of_application}
    ORDER BY accepted_at DESC, id DESC LIMIT :limit OFFSET :offset
);

-- An account's texts whose end is known, by the time of the report.
-- name: sent_text_ids_reported
-- variant: sent_text_ids_of_application_reported of_application=app_id = :app_id
SELECT json_group_array(id) FROM (
    SELECT id FROM sent_text INDEXED BY sent_text_by_report
    WHERE account_id = :account_id AND report_id > 0 AND reported_at >= :since AND reported_at < :until
        AND {of_application}
    ORDER BY report_id DESC LIMIT :limit OFFSET :offset
);

-- Texts by row id, a JSON array.
-- name: sent_text_by_ids
SELECT serial, account_id, app_id, phone, sms_type, accepted_at, parts, template_id, sign, session, extend, digest, state, detail,
    reported_at, report_id
FROM json_each(?1) AS wanted CROSS JOIN sent_text ON sent_text.id = wanted.value
ORDER BY wanted.key;

-- Take the next numbers for so many reports; gives the last one.
-- name: text_report_numbers
UPDATE text_report_counter SET given = given + ?1 WHERE id = 1 RETURNING given;

-- The end of a text's way, once.
-- name: text_report_put
UPDATE sent_text SET state = ?2, detail = ?3, reported_at = ?4, report_id = ?5 WHERE serial = ?1 AND state = 'waiting';

-- Keep a part of a text. A network may use an id again; the newest counts.
-- name: text_part_put
INSERT INTO text_part (transport_id, text_id, delivered)
SELECT ?2, id, 0 FROM sent_text WHERE serial = ?1
ON CONFLICT (transport_id) DO UPDATE SET text_id = excluded.text_id, delivered = 0 WHERE text_id <> excluded.text_id;

-- The text to which a part belongs.
-- name: text_part_by_id
SELECT serial, transport_id FROM text_part CROSS JOIN sent_text ON sent_text.id = text_id WHERE transport_id = ?1;

-- The parts whose ids have one of these plain forms, a JSON array; the newest texts first.
-- name: text_parts_alike
SELECT serial, transport_id
FROM json_each(?1) AS wanted
CROSS JOIN text_part INDEXED BY text_part_by_plain_id ON plain_id = wanted.value
CROSS JOIN sent_text ON sent_text.id = text_id
ORDER BY text_id DESC LIMIT ?2;

-- Note that a part arrived.
-- name: text_part_arrive
UPDATE text_part SET delivered = 1
WHERE transport_id = ?2 AND delivered = 0 AND text_id = (SELECT id FROM sent_text WHERE serial = ?1);

-- Whether this is a part of this text and all of its parts have arrived.
-- name: text_part_complete
SELECT NOT EXISTS (
    SELECT 1 FROM text_part AS other INDEXED BY text_part_by_text WHERE other.text_id = text_part.text_id AND delivered = 0
)
FROM text_part CROSS JOIN sent_text ON sent_text.id = text_id WHERE transport_id = ?2 AND serial = ?1;

-- Add to a count.
-- name: sms_tally_add
INSERT INTO sms_tally (account_id, app_id, sms_type, hour, what, count) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT DO UPDATE SET count = count + excluded.count;

-- Counts of an account's texts, as one JSON array of what the domain calls them; hours are whole, in seconds.
-- name: sms_tally_list
SELECT json_group_array(json_object(
    'account_id', account_id, 'app_id', app_id, 'sms_type', sms_type, 'hour', hour / 1000000, 'what', what, 'count', count
)) FROM (
    SELECT account_id, app_id, sms_type, hour, what, count FROM sms_tally
    WHERE account_id = ?1 AND hour >= ?3 AND hour < ?4 AND (?2 IS NULL OR app_id = ?2)
    ORDER BY hour, app_id, sms_type, what
);

-- How many texts of an account were delivered or failed since an hour.
-- name: sms_tally_ended
SELECT coalesce(sum(count), 0) FROM sms_tally WHERE account_id = ?1 AND hour >= ?2 AND what IN ('delivered', 'failed');

-- Move a reader forward.
-- name: reader_move
INSERT INTO reader (account_id, app_id, name, last_id) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT DO UPDATE SET last_id = max(last_id, excluded.last_id);

-- How far a reader has read.
-- name: reader_place
SELECT last_id FROM reader WHERE account_id = ?1 AND app_id = ?2 AND name = ?3;

-- Note the day on which a text was sent from a number.
-- name: sender_use_put
INSERT INTO sender_use (account_id, sender, day) VALUES (?1, ?2, ?3)
ON CONFLICT DO UPDATE SET day = excluded.day WHERE excluded.day > day;

-- The last day on which a text was sent from a number.
-- name: sender_use_last
SELECT day FROM sender_use WHERE account_id = ?1 AND sender = ?2;
