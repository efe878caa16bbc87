"""The kinds that every worker without an app serves: for a first look, for tests and for checks of a deployment."""

import asyncio
from typing import Any

from pgq.client.app import App
from pgq.client.context import Context


class AskedFor(Exception):
    """The failure that a `fail` task was asked for."""


def builtin_app(app: App | None = None) -> App:
    """An app with the built-in kinds; given one, that app with those of them that it does not have itself."""
    app = app or App()
    for function in (echo, sleep, fail):
        if function.__name__ not in app.handlers:
            app.task(function)
    return app


async def echo(**payload: Any) -> dict[str, Any]:
    """The payload is the result."""
    return payload


async def sleep(seconds: float = 1) -> None:
    """Do nothing for some seconds."""
    await asyncio.sleep(seconds)


async def fail(ctx: Context, message: str = "asked to fail", times: int | None = None) -> str:
    """Fail the first `times` attempts (all of them, when left out), then succeed."""
    if times is None or ctx.attempt <= times:
        raise AskedFor(message)
    return f"succeeded at attempt {ctx.attempt}"
