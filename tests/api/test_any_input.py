"""Anything at all, sent to every route of the document: no 5xx, nothing that the document does not know."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from pgq.api.app import create_app
from pgq.api.protocol import bounded
from pgq.values.settings import Settings
from tests.until import until

# What would hold a request open for minutes is tested elsewhere.
CONFIG = """
max-stream-events = 1
[parameters]
"query.wait" = 0
"""
HOOKS = """
import json
import schemathesis

@schemathesis.serializer("application/x-ndjson")
def lines(_context, value):
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()

@schemathesis.hook
def before_call(_context, case, _kwargs):
    # Thousands of tasks would only make every verb by filter slow. More than are allowed are still tried.
    if isinstance(case.body, dict) and isinstance(case.body.get("tasks"), list) and len(case.body["tasks"]) <= 10_000:
        case.body = {**case.body, "tasks": case.body["tasks"][:20]}
    # No claim is to wait; a time that is refused is still tried.
    wait = case.body.get("wait_seconds") if isinstance(case.body, dict) else None
    if isinstance(wait, (int, float)) and 0 < wait <= 60:
        case.body = {**case.body, "wait_seconds": 0}
"""
ADMIN_TOKEN = "an-admin-token-of-the-tests-0123456789"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The app on a port of its own; its address."""
    config = uvicorn.Config(app, port=0, http=bounded(10), log_level="error", server_header=False, proxy_headers=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started, "the server to start")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.timeout(1800)  # thousands of requests
@pytest.mark.parametrize("auth", ["off", "required"])
def test_no_input_brings_an_answer_that_the_document_does_not_know(dsn: str, tmp_path: Path, auth: str) -> None:
    settings = Settings(auth="off") if auth == "off" else Settings(auth="required", admin_token=SecretStr(ADMIN_TOKEN))
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    (tmp_path / "hooks.py").write_text(HOOKS)
    with served(create_app(settings, conninfo=dsn)) as address:
        run = subprocess.run(
            [
                sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json",
                "--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing",
                "--max-examples", "15", "--seed", "1", "--no-shrink", "--continue-on-failure",
                "--request-timeout", "300", "--warnings", "off", "--no-color",
                *(["-H", f"Authorization: Bearer {ADMIN_TOKEN}"] if auth == "required" else []),
            ],
            cwd=tmp_path, env={**os.environ, "PYTHONWARNINGS": "default", "SCHEMATHESIS_HOOKS": "hooks"},
            capture_output=True, text=True,
        )  # fmt: skip
    assert run.returncode == 0, "\n".join(line[:500] for line in (run.stdout + run.stderr).splitlines()[-300:])
