"""What an operator does to tasks, dead letters and queues: one verb a function, the connection first.

Plain blocking functions over a psycopg connection, each verb one short transaction of its own (inside the caller's,
when one is open). Async callers run them in a thread. Database errors come out as pgq's.
"""
