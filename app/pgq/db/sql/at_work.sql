-- Is this backend busy with a statement? One that waits for its client, to hear or to be heard, is not.
SELECT EXISTS (SELECT FROM pg_stat_activity AS a
               WHERE a.pid = %(pid)s AND a.state = 'active' AND a.wait_event_type IS DISTINCT FROM 'Client')
