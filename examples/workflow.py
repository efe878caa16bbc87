"""A workflow in one file: fan out, fan in, and what a failure does. Run it: python examples/workflow.py

The tasks go to the database that PGQ_DATABASE_URL names; without one, a local PostgreSQL is started, and stopped again.
"""

from collections import Counter

import pgq
from pgq import local

queue = pgq.App()

VERSES = ("the cat sat on the mat", "the dog sat on the cat", "the mat was flat")


@queue.task
def split(ctx: pgq.Context, verses: list[str]) -> int:
    """Decides how many tasks there are to be, and adds them to the workflow that it belongs to."""
    assert ctx.workflow_id is not None
    more = queue.workflow_run(ctx.workflow_id).more()
    counts = [more.add(count_words.new(verse=verse), name=f"verse {n}") for n, verse in enumerate(verses)]
    more.add(add_up.new(), name="all words", depends_on=counts)
    more.submit()
    return len(verses)


@queue.task
def count_words(verse: str) -> dict[str, int]:
    """One of many, at the same time as the others."""
    return dict(Counter(verse.split()))


@queue.task
def add_up(ctx: pgq.Context) -> str:
    """Runs when all its parents have succeeded, and finds their results by their names."""
    total: Counter[str] = Counter()
    for words in ctx.parents.values():
        total.update(words)
    ((word, times),) = total.most_common(1)
    return f"{word!r} stands there {times} times"


printer = {"answers": False}


@queue.task(max_attempts=1)
def publish(ctx: pgq.Context) -> str:
    """Fails while the printer does not answer: a moment for an operator."""
    if not printer["answers"]:
        raise ConnectionError("the printer does not answer")
    return f"published {sum(ctx.parents['count'].values())} words"


def main() -> None:
    """Submit while a worker runs in this process. In production it is a process of its own: `pgq worker`."""
    with local.worker(queue):
        wf = queue.workflow("word count")
        wf.add(split.new(verses=list(VERSES)))
        run = wf.submit()
        print(f"{run.wait(timeout=30).state}: {run.result('all words')}")

        wf = queue.workflow("edition")
        count = wf.add(count_words.new(verse=VERSES[0]), name="count")
        printed = wf.add(publish.new(), depends_on=[count])
        run = wf.submit()
        print(f"{run.wait(timeout=30).state}: {run.status().dead} dead, {run.status().succeeded} succeeded")
        printer["answers"] = True
        run.retry()  # only what has not succeeded
        print(f"{run.wait(timeout=30).state}: {run.result(printed)}")


if __name__ == "__main__":
    main()
