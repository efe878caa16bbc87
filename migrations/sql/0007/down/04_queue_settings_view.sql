DROP VIEW pgq.queue_settings;
