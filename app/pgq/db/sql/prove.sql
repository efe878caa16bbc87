SELECT pg_notify('pgq_proof', %(word)s)
