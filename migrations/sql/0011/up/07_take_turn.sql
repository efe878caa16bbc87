-- Is it this process's turn to do a duty? At most one in the cluster at a time, and once a period.
-- Sets pgq.turn for the rest of the transaction; the duty's own statement, sent in the same round trip, looks at it.
-- After a gap of many periods (an outage, a failover) the duty is held back by `hold`, if one is given: the holders of
-- leases that ran out meanwhile are given the time to renew them. Where it was done last in what is the future now, the
-- clock was put back: the duty is due.
CREATE OR REPLACE FUNCTION pgq.take_turn(duty text, worker uuid, period interval, hold interval) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    post pgq.maintenance%ROWTYPE;
BEGIN
    PERFORM set_config('pgq.turn', '', true);
    IF NOT pg_try_advisory_xact_lock(hashtext('pgq.duty'), hashtext(duty)) THEN
        RETURN false;
    END IF;
    -- A statement of its own: it sees what the last holder of the lock committed.
    SELECT * INTO post FROM pgq.maintenance AS m WHERE m.duty = duty;
    IF post.last_started_at > clock_timestamp() THEN
        post.next_due_at := '-infinity';
        post.held_until := NULL;
    END IF;
    IF post.next_due_at > clock_timestamp() THEN
        RETURN false;
    END IF;
    IF hold IS NOT NULL AND post.last_started_at < clock_timestamp() - greatest(period * 30, interval '30 s') THEN
        post.held_until := clock_timestamp() + hold;
    END IF;
    UPDATE pgq.maintenance AS m
    SET    next_due_at = clock_timestamp() + period, last_started_at = clock_timestamp(), last_run_by = worker,
           runs = m.runs + 1, held_until = post.held_until
    WHERE  m.duty = duty;
    IF NOT FOUND OR post.held_until > clock_timestamp() THEN
        RETURN false;
    END IF;
    PERFORM set_config('pgq.turn', duty, true);
    RETURN true;
END
$$;
