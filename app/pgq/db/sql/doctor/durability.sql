-- What a new session is given: without these an acknowledged task can be lost in a crash.
SELECT current_setting('fsync')::boolean, current_setting('full_page_writes')::boolean, current_setting('synchronous_commit')
