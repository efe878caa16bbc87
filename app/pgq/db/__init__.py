"""The database: how to reach it, what runs in it, what it answers."""
