-- Networks spell an id differently when they report: in the other case, with quotes, with other leading zeros. Computed by the database, so
-- that rows that were there and rows of the release before have it too. As `plain` of domain/receipt_ids.py has it.
ALTER TABLE text_part ADD COLUMN plain_id TEXT GENERATED ALWAYS AS (
    rtrim(transport_id, replace(transport_id, '/', ''))
    || ltrim(trim(lower(substr(transport_id, length(rtrim(transport_id, replace(transport_id, '/', ''))) + 1)), ' "''`<>'), '0x')
) VIRTUAL;

CREATE INDEX text_part_by_plain_id ON text_part (plain_id);
