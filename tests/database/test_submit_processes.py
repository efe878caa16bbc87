"""One App in threads, event loops and forked processes: no shared connection, and a quiet exit."""

import subprocess
import sys

import psycopg
import pytest

START = """
import asyncio, os, sys, threading
import pgq

app = pgq.App(sys.argv[1], pool_size=2)

@app.task
async def ping(n: int) -> None: ...

async def several() -> None:
    handles = await asyncio.gather(*(ping.submit_async(n) for n in range(5)))
    assert (await handles[0].status_async()).state == "pending"
"""

PROGRAMS = {
    "nothing used": ("", 0),
    "sync": ("ping.submit(1)", 1),
    "one loop after another": ("asyncio.run(several()); asyncio.run(several())", 10),
    "sync and async": ("ping.submit(1); asyncio.run(several()); ping.submit(2)", 7),
    "threads": (
        """
threads = [threading.Thread(target=ping.submit, args=(n,)) for n in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
""",
        20,
    ),
    "a loop in each of two threads": (
        """
threads = [threading.Thread(target=asyncio.run, args=(several(),)) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
""",
        10,
    ),
    "fork before use": ("child = os.fork(); ping.submit(1); child and os.waitpid(child, 0)", 2),
    "fork after use": (
        """
ping.submit(1)
child = os.fork()
for n in range(5):
    assert ping.submit(n).status().payload == {"n": n}
if child:
    assert os.waitpid(child, 0)[1] == 0
""",
        11,
    ),
    "context manager": ("with app: ping.submit(1)", 1),
    "async context manager": (
        """
async def program() -> None:
    async with app:
        await several()
asyncio.run(program())
assert threading.active_count() == 1
""",
        5,
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_submits_everything_and_ends_without_a_word(name: str, dsn: str) -> None:
    body, tasks = PROGRAMS[name]
    ran = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-W", "always::ResourceWarning", "-c", START + body, dsn],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    # The debug mode of asyncio times the first use, which imports the driver.
    said = [line for line in ran.stderr.splitlines() if not line.startswith("Executing <")]
    assert (ran.returncode, said) == (0, [])
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT count(*) FROM pgq.tasks").fetchone() == (tasks,)
