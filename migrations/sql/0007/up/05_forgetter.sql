INSERT INTO pgq.maintenance (duty) VALUES ('forgetter');
