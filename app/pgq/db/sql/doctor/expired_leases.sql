-- Running tasks whose lease ran out longer ago than a reaper lets them lie.
SELECT count(*), coalesce(max(extract(epoch FROM clock_timestamp() - t.lease_expires_at)), 0)::float8
FROM   pgq.tasks AS t
WHERE  t.state = 'running' AND t.lease_expires_at < clock_timestamp() - make_interval(secs => %(patience)s)
