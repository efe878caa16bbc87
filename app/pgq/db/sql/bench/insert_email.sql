-- A submit by plain SQL.
INSERT INTO pgq.tasks (kind, payload) VALUES (%(kind)s, %(payload)s)
