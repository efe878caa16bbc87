"""Write migrations/schema.sql anew, from what the migrations build on the embedded server.

Run from the checkout: python -m tests.migrations.snapshot
"""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from pgq.db.embedded import EmbeddedServer
from pgq.db.embedded.binaries import find_binaries
from pgq.db.migrate import upgrade

SNAPSHOT = Path(__file__).parents[2] / "migrations" / "schema.sql"
HEAD = """-- The schema as the migrations build it. Not run by anybody: it is here to be read, and compared in review.
-- Written by python -m tests.migrations.snapshot; a test says when it is out of date. Partitions are left out.
"""
NOISE = re.compile(r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*|ALTER .* OWNER TO .*)$")
PARTITION = re.compile(r"\b(task_history|attempts|task_logs)_\d{8}")


def tidy(dump: str) -> str:
    """The statements of a dump without what differs between machines and days."""
    lines = "\n".join(line for line in dump.splitlines() if not NOISE.match(line) or line.startswith("    "))
    statements = re.split(r"\n{2,}", lines)
    kept = [one.strip("\n") for one in statements if one.strip() and not PARTITION.search(one)]
    return HEAD + "\n" + "\n\n".join(kept) + "\n"


def main() -> None:
    """Migrate a server of our own, dump it, write the file."""
    with tempfile.TemporaryDirectory(prefix="pgq-snapshot-") as folder:
        server = EmbeddedServer(Path(folder) / "postgres", die_with_parent=True)
        conninfo = server.start().conninfo
        try:
            upgrade(conninfo)
            dump = subprocess.run(
                [str(find_binaries() / "pg_dump"), "--dbname", conninfo, "--schema-only", "--schema=pgq"],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "PGTZ": "UTC"},
            )
        finally:
            server.stop()
    SNAPSHOT.write_text(tidy(dump.stdout))


if __name__ == "__main__":
    main()
