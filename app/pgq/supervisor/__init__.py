"""`pgq worker` is two processes at least: a worker, and a supervisor that only sees to it that workers work."""
