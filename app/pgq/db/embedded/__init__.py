"""A PostgreSQL server that pgq itself starts, for a machine where nobody has set one up."""

from pgq.db.embedded.server import EmbeddedServer, Started

__all__ = ["EmbeddedServer", "Started"]
