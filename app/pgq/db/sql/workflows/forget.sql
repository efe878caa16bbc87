-- Forget the workflows that ended so long ago that their tasks' history is gone, too; those with dead letters are kept.
-- Runs only under the turn that pgq.take_turn() gave.
WITH over AS MATERIALIZED (
    SELECT w.id FROM pgq.workflows AS w
    WHERE  current_setting('pgq.turn', true) = 'workflow_pruner'
    AND    w.ended_at < statement_timestamp() - make_interval(secs => %(retention)s)
    AND    w.succeeded + w.cancelled + w.expired + w.dead >= w.total
    AND    NOT EXISTS (SELECT FROM pgq.workflow_changes AS c WHERE c.workflow_id = w.id)
    AND    NOT EXISTS (SELECT FROM pgq.tasks AS t WHERE t.workflow_id = w.id)
    AND    NOT EXISTS (SELECT FROM pgq.dead_tasks AS d WHERE d.workflow_id = w.id)
    ORDER  BY w.id LIMIT 100
    FOR    UPDATE OF w SKIP LOCKED
), members AS (
    DELETE FROM pgq.workflow_tasks AS m USING over WHERE m.workflow_id = over.id
), gone AS (
    DELETE FROM pgq.workflows AS w USING over WHERE w.id = over.id RETURNING w.id
), counted AS (
    SELECT count(*) AS n FROM gone
)
SELECT counted.n AS changed, '{}'::uuid[] AS ids, pgq.end_turn('workflow_pruner', counted.n) FROM counted
