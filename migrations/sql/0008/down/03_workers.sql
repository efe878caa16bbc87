ALTER TABLE pgq.workers
    DROP COLUMN remote,
    DROP COLUMN token_id,
    ALTER COLUMN pid SET NOT NULL;
