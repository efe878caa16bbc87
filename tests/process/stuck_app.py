"""The handlers of work_app, in workers whose watchdog has little patience and whose lease keeper beats quickly."""

from pgq.worker import lease_keeper, watchdog
from tests.process import work_app

app = work_app.app

lease_keeper.BEAT_EVERY = 0.5
watchdog.LOOK_EVERY = 0.1
watchdog.PATIENCE = 1
watchdog.SLACK = 1
