"""Plain values and decisions: no I/O below this line."""
