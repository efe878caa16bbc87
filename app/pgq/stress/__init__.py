"""Puts a database and its workers under load, and verifies that every task ended exactly as it should."""
