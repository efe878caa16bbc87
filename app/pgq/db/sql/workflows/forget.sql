-- Forget the workflows that ended so long ago that their tasks' history is gone, too; those with dead letters are kept.
-- At most 10,000 a turn, and no more than some 100,000 names of their tasks. Arrays, as in keep.sql.
-- Runs only under the turn that pgq.take_turn() gave.
WITH old AS MATERIALIZED (
    SELECT w.id, w.total FROM pgq.workflows AS w
    WHERE  current_setting('pgq.turn', true) = 'workflow_pruner'
    AND    w.ended_at < statement_timestamp() - make_interval(secs => %(retention)s)
    AND    w.succeeded + w.cancelled + w.expired + w.dead >= w.total
    AND    (SELECT true FROM pgq.workflow_changes AS c WHERE c.workflow_id = w.id LIMIT 1) IS NULL
    AND    (SELECT true FROM pgq.tasks AS t WHERE t.workflow_id = w.id LIMIT 1) IS NULL
    AND    (SELECT true FROM pgq.dead_tasks AS d WHERE d.workflow_id = w.id LIMIT 1) IS NULL
    ORDER  BY w.id LIMIT 10000
    FOR    UPDATE OF w SKIP LOCKED
), over AS MATERIALIZED (
    SELECT o.id FROM (SELECT old.id, sum(old.total) OVER (ORDER BY old.id) - old.total AS before FROM old) AS o WHERE o.before < 100000
), members AS (
    DELETE FROM pgq.workflow_tasks AS m WHERE m.workflow_id = ANY (ARRAY(SELECT over.id FROM over))
), gone AS (
    DELETE FROM pgq.workflows AS w WHERE w.id = ANY (ARRAY(SELECT over.id FROM over)) RETURNING w.id
), counted AS (
    SELECT count(*) AS n FROM gone
)
SELECT counted.n AS changed, '{}'::uuid[] AS ids, pgq.end_turn('workflow_pruner', counted.n) FROM counted
