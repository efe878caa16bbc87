"""Processes that work are kept by one that does not: it only sees to it that they live."""
