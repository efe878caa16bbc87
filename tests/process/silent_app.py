"""The handlers of work_app, in workers that never beat: of a cancellation they hear by its notification or not at all."""

from pgq.worker import lease_keeper
from tests.process import work_app

app = work_app.app

lease_keeper.BEAT_EVERY = 3600
