-- The consent ledger: added to and read, never changed.

-- The largest time of all entries.
-- name: ledger_high_water
SELECT high_water FROM ledger ORDER BY id DESC LIMIT 1;

-- Add one entry; the code repeats the group after VALUES.
-- name: ledger_add
INSERT INTO ledger (
    at, event, account_id, topic_id, topic_name, region, subscription_uid, protocol, endpoint, before, after,
    way, principal, remote_address, user_agent, request_id, shown, raw_text, detail, address, keyword, transport_id,
    sent_at, high_water
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- Entries by row id, a JSON array.
-- name: ledger_by_ids
SELECT id, at, event, account_id, topic_id, topic_name, region, subscription_uid, protocol, endpoint, before, after,
    way, principal, remote_address, user_agent, request_id, shown, raw_text, detail, address, keyword, transport_id,
    sent_at
FROM ledger WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id;

-- The newest entry of an account.
-- name: ledger_end
SELECT coalesce(max(id), 0) FROM ledger WHERE account_id = ?1;

-- The first entry that can be as new as a time; entries before it are all older.
-- name: ledger_first_since
SELECT id FROM ledger WHERE high_water >= ?1 ORDER BY high_water, id LIMIT 1;

-- The phones of an account that opted in after an entry.
-- name: ledger_opted_in
SELECT endpoint FROM ledger INDEXED BY ledger_by_event
WHERE account_id = ?1 AND event = 'opted-in' AND event IN ('opted-out', 'opted-in', 'review', 'reviewed') AND id > ?2;

-- The lists below give row ids as one JSON array; see subscriptions.sql.

-- fragment: of_page
id > :after

-- fragment: direction
ASC

-- fragment: within_times
(:since IS NULL OR at >= :since) AND (:until IS NULL OR at < :until)

-- fragment: of_kinds
AND (:address IS NULL OR address = :address)
        AND (:events IS NULL OR event IN (SELECT value FROM json_each(:events)))
        AND (:ways IS NULL OR way IN (SELECT value FROM json_each(:ways)))

-- Ids of all entries.
-- name: ledger_ids
-- variant: ledger_ids_newest of_page=id > :after AND id < :before; direction=DESC
SELECT {found_rows} FROM (
    SELECT id FROM ledger NOT INDEXED
    WHERE {of_page} AND {within_times}
        {of_kinds}
    ORDER BY id {direction} LIMIT :limit
);

-- Ids of one account's entries.
-- name: ledger_ids_by_account
-- variant: ledger_ids_by_account_newest of_page=id > :after AND id < :before; direction=DESC
SELECT {found_rows} FROM (
    SELECT id FROM ledger INDEXED BY ledger_by_account
    WHERE account_id = :account_id AND {of_page}
        AND {within_times}
        {of_kinds}
    ORDER BY id {direction} LIMIT :limit
);

-- Ids of one topic's entries.
-- name: ledger_ids_by_topic
-- variant: ledger_ids_by_topic_newest of_page=id > :after AND id < :before; direction=DESC
SELECT {found_rows} FROM (
    SELECT id FROM ledger INDEXED BY ledger_by_topic
    WHERE topic_id = :topic_id AND {of_page}
        AND {within_times}
        AND (:account_id IS NULL OR account_id = :account_id)
        {of_kinds}
    ORDER BY id {direction} LIMIT :limit
);

-- Ids of one endpoint's entries.
-- name: ledger_ids_by_endpoint
-- variant: ledger_ids_by_endpoint_newest of_page=id > :after AND id < :before; direction=DESC
SELECT {found_rows} FROM (
    SELECT id FROM ledger INDEXED BY ledger_by_endpoint
    WHERE endpoint = :endpoint AND {of_page}
        AND {within_times}
        AND (:account_id IS NULL OR account_id = :account_id) AND (:topic_id IS NULL OR topic_id = :topic_id)
        {of_kinds}
    ORDER BY id {direction} LIMIT :limit
);

-- Ids of one subscription's entries.
-- name: ledger_ids_by_subscription
-- variant: ledger_ids_by_subscription_newest of_page=id > :after AND id < :before; direction=DESC
SELECT {found_rows} FROM (
    SELECT id FROM ledger INDEXED BY ledger_by_subscription
    WHERE subscription_uid = :subscription_uid AND {of_page}
        AND {within_times}
        AND (:account_id IS NULL OR account_id = :account_id) AND (:topic_id IS NULL OR topic_id = :topic_id)
        AND (:endpoint IS NULL OR endpoint = :endpoint)
        {of_kinds}
    ORDER BY id {direction} LIMIT :limit
);

-- The two below are for phones at inbound addresses. They are asked for one event at a time, and so walk that event's entries only.

-- Ids of an account's entries of one inbound address and event.
-- name: ledger_ids_by_address
-- variant: ledger_ids_by_address_newest of_page=id > :after AND id < :before; direction=DESC
SELECT {found_rows} FROM (
    SELECT id FROM ledger INDEXED BY ledger_by_address
    WHERE account_id = :account_id AND address = :address AND address <> '' AND event = :event AND {of_page}
        AND {within_times}
        AND (:ways IS NULL OR way IN (SELECT value FROM json_each(:ways)))
    ORDER BY id {direction} LIMIT :limit
);

-- Ids of one account's entries of one event that befalls phones.
-- name: ledger_ids_by_event
-- variant: ledger_ids_by_event_newest of_page=id > :after AND id < :before; direction=DESC
SELECT {found_rows} FROM (
    SELECT id FROM ledger INDEXED BY ledger_by_event
    WHERE account_id = :account_id AND event = :event AND event IN ('opted-out', 'opted-in', 'review', 'reviewed')
        AND {of_page}
        AND {within_times}
        AND (:ways IS NULL OR way IN (SELECT value FROM json_each(:ways)))
    ORDER BY id {direction} LIMIT :limit
);
