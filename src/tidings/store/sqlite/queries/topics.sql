-- Topics and their counts.

-- Add a topic; its name must be free.
-- name: topic_add
INSERT INTO topic (uid, account_id, region, name, dialect, display_name, settings, tags, created_at, updated_at, version)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11);

-- Change a topic if nobody was faster.
-- name: topic_change
UPDATE topic
SET dialect = ?3, display_name = ?4, settings = ?5, tags = ?6, updated_at = ?7, version = version + 1
WHERE id = ?1 AND version = ?2 AND deleted = 0;

-- Hide a topic; the sweep removes what belongs to it.
-- name: topic_hide
UPDATE topic SET deleted = 1 WHERE id = ?1 AND deleted = 0;

-- One topic by name.
-- name: topic_by_name
SELECT * FROM topic_row WHERE account_id = ?1 AND region = ?2 AND name = ?3;

-- One topic by row id.
-- name: topic_by_id
SELECT * FROM topic_row WHERE id = ?1;

-- One topic by uid.
-- name: topic_by_uid
SELECT * FROM topic_row WHERE uid = ?1;

-- An account's topics in all regions, a page at a time.
-- name: topic_list
SELECT * FROM topic_row WHERE account_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3;

-- An account's topics in one region, a page at a time.
-- name: topic_list_of_region
SELECT * FROM topic_row WHERE account_id = ?1 AND region = ?2 AND id > ?3 ORDER BY id LIMIT ?4;

-- How many topics an account has in one region, or in all when the region is NULL.
-- name: topic_count
SELECT coalesce(sum(topics), 0) FROM region_tally WHERE account_id = ?1 AND (?2 IS NULL OR region = ?2);

-- The next two give row ids as one JSON array, newest first; see subscriptions.sql. `path` leads to a setting.

-- fragment: topic_index
topic_by_region

-- fragment: in_region
AND region = :region

-- Texts that a topic's names and a setting contain.
-- fragment: of_topic_texts
AND (:name_part IS NULL OR instr(lower(name), lower(:name_part)))
        AND (:display_part IS NULL OR instr(lower(display_name), lower(:display_part)))
        AND (:path IS NULL OR coalesce(json_extract(settings, :path), '') = :text)

-- Row ids of a region's topics that pass all filters.
-- name: topic_ids
-- variant: topic_ids_everywhere topic_index=topic_by_account; in_region=
-- variant: topic_id_count found_rows=count(*)
-- variant: topic_id_count_everywhere found_rows=count(*); topic_index=topic_by_account; in_region=
SELECT {found_rows} FROM (
    SELECT id FROM topic INDEXED BY {topic_index}
    WHERE deleted = 0 AND account_id = :account_id {in_region}
        {of_topic_texts}
    ORDER BY id DESC LIMIT :limit OFFSET :offset
);

-- Row ids (one or none) of the topic of a name or uid that passes all filters.
-- name: topic_ids_by_key
-- variant: topic_ids_by_key_everywhere in_region=
-- variant: topic_id_count_by_key found_rows=count(*)
-- variant: topic_id_count_by_key_everywhere found_rows=count(*); in_region=
SELECT {found_rows} FROM (
    SELECT id FROM topic NOT INDEXED
    WHERE id IN (
            SELECT id FROM topic WHERE deleted = 0 AND account_id = :account_id {in_region} AND name = :name
            UNION SELECT id FROM topic WHERE deleted = 0 AND uid = :uid
        )
        AND deleted = 0 AND account_id = :account_id {in_region}
        AND (:name IS NULL OR name = :name) AND (:uid IS NULL OR uid = :uid)
        {of_topic_texts}
    ORDER BY id DESC LIMIT :limit OFFSET :offset
);

-- Topics by their row ids, a JSON array, newest first.
-- name: topic_by_ids
SELECT * FROM topic_row WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id DESC;

-- Add to the text messages delivered for a topic in an hour.
-- name: text_add
INSERT INTO text_tally (topic_id, hour, sent)
SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM topic WHERE id = ?1 AND deleted = 0)
ON CONFLICT (topic_id, hour) DO UPDATE SET sent = sent + excluded.sent;

-- Text messages delivered for a topic, by hour.
-- name: text_list
SELECT hour, sent FROM text_tally
WHERE topic_id = (SELECT id FROM topic WHERE id = ?1 AND deleted = 0) AND hour >= ?2 AND hour < ?3
ORDER BY hour;

-- A topic's subscriptions by state.
-- name: topic_counts
SELECT confirmed, unconfirmed, canceled FROM topic_tally
WHERE topic_id = ?1 AND EXISTS (SELECT 1 FROM topic WHERE id = ?1 AND deleted = 0);

-- Unconfirmed subscriptions over all topics of an account.
-- name: pending_count
SELECT unconfirmed FROM account_tally WHERE account_id = ?1;

-- Whether some deleted topic waits to be swept.
-- name: topic_any_deleted
SELECT EXISTS (SELECT 1 FROM topic WHERE deleted = 1);
