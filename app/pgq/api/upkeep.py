"""Every API process takes its turns at maintenance: where only remote workers work, nobody else would."""

import asyncio

from pgq.api.services import Services
from pgq.client.ids import uuid7s
from pgq.maintenance.duties import duties
from pgq.maintenance.ticker import Ticker


class Upkeep:
    """A ticker, from the making of this part to the end of the process."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        work = duties(
            lease=settings.lease_seconds, kind_grace=settings.kind_grace_seconds, retention=settings.retention
        )
        ticker = Ticker(services.listen_conninfo, next(uuid7s()), work, settings.retention)
        self.ticking = asyncio.create_task(ticker.run())

    async def close(self) -> None:
        """Tick no more; what the server has been asked to do, it finishes."""
        self.ticking.cancel()
        await asyncio.wait([self.ticking])
