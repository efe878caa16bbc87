-- How many ticks were fired in a span of time, and how long after its tick the last task of them was there.
SELECT count(*), coalesce(max(extract(epoch FROM t.created_at - s.tick_at))::float8, 0)
FROM   pgq.schedule_ticks AS s JOIN pgq.tasks AS t ON t.id = s.task_id
WHERE  t.created_at > clock_timestamp() - make_interval(secs => %(seconds)s)
