"""Health and version."""

from typing import Any

from fastapi import APIRouter

from pgq.api.bodies import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["System"])


@router.get("/health/live", operation_id="live", summary="Whether this process answers")
async def live() -> dict[str, Any]:
    """Answers as long as the process does, whatever the database does."""
    return {"status": "live"}
