"""Twins of pgq: copies in which one guard is broken, each of which the tests must catch.

A test that no broken guard can fail proves nothing. `python3 dev.py twins` breaks the guards one by one, each in a copy
of its own, and demands that the named tests fail there; lists/ says which guards and which tests.
"""
