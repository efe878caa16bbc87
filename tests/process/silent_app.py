"""Workers that never beat: of a cancellation they hear by its notification or not at all."""

from pgq.worker import lease_keeper
from tests.process import process_app, work_app

work = work_app.app
processes = process_app.app

lease_keeper.BEAT_EVERY = 3600
