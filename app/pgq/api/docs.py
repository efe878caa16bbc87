"""Swagger UI and ReDoc, from files in this package: nothing is fetched from elsewhere."""

from importlib.resources import files

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from pgq.api.bodies import StrictRoute

FILES = files("pgq.api") / "static"

router = APIRouter(include_in_schema=False, route_class=StrictRoute)


@router.get("/openapi.json")
def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return JSONResponse(request.app.openapi())


@router.get("/docs")
def swagger() -> Response:
    """Swagger UI."""
    return page("swagger.html")


@router.get("/redoc")
def redoc() -> Response:
    """ReDoc."""
    return page("redoc.html")


def page(name: str) -> Response:
    return HTMLResponse((FILES / name).read_text("utf-8"))


def add_docs(app: FastAPI) -> None:
    """The pages and what they are made of."""
    app.router.routes += router.routes
    app.mount("/static", StaticFiles(directory=str(FILES)), name="static")
