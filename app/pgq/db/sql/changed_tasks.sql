-- Which of these tasks are not as they were seen last? Only the live table is asked, by its primary key: what is no longer
-- there has ended (or was moved), which is a change. A new progress is one only for those who want to know of it.
SELECT w.id
FROM   unnest(%(ids)s::uuid[], %(states)s::text[], %(attempts)s::integer[], %(progress)s::boolean[],
              %(progress_at)s::timestamptz[]) AS w (id, state, attempt, progress, progress_at)
       LEFT JOIN pgq.tasks AS t ON t.id = w.id
WHERE  (CASE WHEN t.state = 'pending' AND t.run_at > clock_timestamp()
             THEN CASE WHEN t.attempt > 0 THEN 'retrying' ELSE 'scheduled' END
             ELSE t.state END, t.attempt) IS DISTINCT FROM (w.state, w.attempt)
OR     w.progress AND (t.progress ->> 'at')::timestamptz IS DISTINCT FROM w.progress_at
