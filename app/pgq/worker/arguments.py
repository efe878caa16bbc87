"""From a task's payload to the arguments of its handler."""

from typing import Any

from pgq.client.handler import Handler
from pgq.values.errors import InvalidPayload
from pgq.values.json_text import Unstorable, from_text
from pgq.values.outcome import BuryNow, describe
from pgq.values.task import Claimed


def arguments_of(handler: Handler[..., Any, ..., Any], task: Claimed) -> dict[str, Any] | BuryNow:
    """The keyword arguments of the run; when the payload does not fit, no other attempt can do better."""
    try:
        return handler.signature.call_arguments(from_text(task.payload))
    except (Unstorable, InvalidPayload) as invalid:
        return BuryNow(describe(InvalidPayload(f"the payload does not fit: {invalid}")))
