"""Duties that keep the tables healthy, done by whichever process gets the turn."""
