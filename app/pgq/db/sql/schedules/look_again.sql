-- When the clock was put back since the last turn: what comes next is worked out anew, from now on. No tick that was fired
-- fires again: it is recorded. One that somebody holds is skipped: nobody waits for it.
UPDATE pgq.schedules AS s SET next_tick_at = NULL, due_at = NULL
WHERE  s.name = ANY (ARRAY(
         SELECT a.name FROM pgq.schedules AS a
         WHERE  (SELECT m.last_started_at > clock_timestamp() FROM pgq.maintenance AS m WHERE m.duty = 'scheduler')
         AND    a.next_tick_at > clock_timestamp()
         ORDER  BY a.name FOR NO KEY UPDATE SKIP LOCKED))
