INSERT INTO pgq.maintenance (duty) VALUES ('unblocker');
