INSERT INTO pgq.maintenance (duty) VALUES ('scheduler');
