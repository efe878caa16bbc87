"""A client that goes away while it waits is no failure of the service."""

import logging

import pytest
from starlette.types import Message, Receive, Scope, Send

from pgq.api.guards.last_resort import LastResort
from pgq.api.presence import ClientGone


async def test_a_client_that_has_gone_is_neither_answered_nor_logged_as_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sent: list[Message] = []

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise ClientGone

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    with caplog.at_level(logging.INFO):
        await LastResort(app)({"type": "http", "state": {"request_id": "1"}}, receive, send)
    assert (sent, caplog.text) == ([], "")
