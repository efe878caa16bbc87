"""`import pgq` is quick and quiet: programs that only declare handlers pay for nothing else."""

import subprocess
import sys

PROGRAM = """
import logging, sys, threading
before = list(logging.root.handlers)
import pgq
app = pgq.App()

@app.task(queue="email", timeout=30)
async def send_email(ctx: pgq.Context, to: str) -> None: ...

assert logging.root.handlers == before and not logging.getLogger("pgq").handlers
assert threading.active_count() == 1
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_importing_pgq_and_declaring_handlers_loads_no_drivers_and_no_frameworks() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    heavy = {"fastapi", "starlette", "sqlalchemy", "alembic", "typer", "rich", "psycopg", "psycopg_pool", "pydantic"}

    assert heavy.isdisjoint(ran.stdout.split())
    assert ran.stderr == ""
