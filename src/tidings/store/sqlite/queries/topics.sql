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
