-- The server's time, and whether its commits wait for no standby.
SELECT clock_timestamp() AS clock, current_setting('synchronous_standby_names') = '' AS alone
