"""A schedule that ticks every second; its tasks say in the outside log for which tick they run."""

import os
from pathlib import Path

import pgq
from tests.outside_log import OutsideLog
from tests.workers import LOG_VARIABLE

outside = OutsideLog(Path(os.environ[LOG_VARIABLE]))
app = pgq.App()


@app.schedule("* * * * * *", name="each second", misfire="all")
@app.schedule("@yearly", name="new year", payload={"words": "happy new year"})
@app.task
async def tick(ctx: pgq.Context, words: str = "tick") -> str:
    """Say which tick it is."""
    outside.write("ticked", task=ctx.task.id, tick=ctx.scheduled_for, words=words)
    return words
