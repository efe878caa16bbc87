"""All routers, in the order of the documentation."""

from collections.abc import Sequence

from fastapi import APIRouter

from pgq.api.routes import system

routers: Sequence[APIRouter] = (system.router,)
