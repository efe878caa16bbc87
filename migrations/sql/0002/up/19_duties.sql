INSERT INTO pgq.maintenance (duty) VALUES ('sampler'), ('accountant');
