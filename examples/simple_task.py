"""pgq in one file: two handlers, a worker, and what came of their tasks. Run it: python examples/simple_task.py

The tasks go to the database that PGQ_DATABASE_URL names; without one, a local PostgreSQL is started, and stopped again.
"""

import asyncio
from collections import Counter

import pgq
from pgq import local

queue = pgq.App()


@queue.task
async def greet(name: str) -> str:
    """A coroutine runs on the worker's event loop: right for work that waits."""
    await asyncio.sleep(0.1)
    return f"Hello, {name}!"


@queue.task(max_attempts=3, retry=pgq.exponential(base=0.5))
def count_words(ctx: pgq.Context, text: str) -> dict[str, int]:
    """A plain function runs in a thread: right for work that computes or blocks."""
    if ctx.attempt == 1:
        raise ConnectionError("the dictionary does not answer")  # a bad moment; the second attempt will do
    return dict(Counter(text.lower().split()))


def main() -> None:
    """Submit while a worker runs in this process. In production it is a process of its own: `pgq worker`."""
    with local.worker(queue):
        greetings = [greet.submit(name=name) for name in ("Ada", "Grace", "Edsger")]
        words = count_words.options(priority="high").submit("to be or not to be")

        for greeting in greetings:
            print(greeting.result(timeout=30))
        print(f"{words.result(timeout=30)}, at attempt {words.status().attempt}")


if __name__ == "__main__":
    main()
