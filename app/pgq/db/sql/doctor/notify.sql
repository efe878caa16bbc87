SELECT pg_notify('pgq_doctor', %(word)s)
