-- How full the queue of notifications is, from 0 to 1; when it is full, commits that notify fail.
SELECT pg_notification_queue_usage()
