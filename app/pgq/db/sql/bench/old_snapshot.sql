-- Any query fixes the snapshot of a REPEATABLE READ transaction; nothing that ends after it is cleaned away.
SELECT EXISTS (SELECT FROM pgq.tasks)
