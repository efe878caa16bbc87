"""The pages /docs and /redoc in Chromium, on `pgq up`, as a person uses them."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.api.processes import ApiProcess, api_process
from tests.until import PATIENCE

CHROMIUM = Path("/usr/bin/chromium")
TOKEN = "the-token-that-a-person-pastes"

pytestmark = [
    pytest.mark.skipif(not (CHROMIUM.exists() or os.environ.get("CI")), reason="Chromium is not installed"),
    pytest.mark.timeout(900),
]


@pytest.fixture
def up(dsn: str, tmp_path: Path) -> Iterator[ApiProcess]:
    """Everything, with tokens required."""
    with api_process(dsn, tmp_path, command="up", auth="required", admin_token=TOKEN) as up:
        yield up


@pytest.fixture
def page(up: ApiProcess) -> Iterator[Page]:
    """A page in which nothing goes wrong unnoticed: no error in its console, no request to another host."""
    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            timeout=PATIENCE * 1000,
            args=[
                "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
            ],
        )  # fmt: skip
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(PATIENCE * 1000)
        expect.set_options(timeout=PATIENCE * 1000)
        here = urlsplit(up.url).netloc

        def note(url: str) -> None:
            address = urlsplit(url)
            if address.scheme not in ("data", "blob") and address.netloc != here:
                wrong.append(f"request to {url}")

        page.on("request", lambda request: note(request.url))
        page.on("pageerror", lambda error: wrong.append(f"error {error}"))
        page.on("console", lambda said: wrong.append(f"console: {said.text}") if said.type == "error" else None)
        yield page
        browser.close()
    assert wrong == []


def picture(page: Page, name: str) -> None:
    """Keep a screenshot, where one is wanted."""
    if folder := os.environ.get("PGQ_TEST_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def execute(page: Page, operation: str, **fields: str) -> Locator:
    """Try an operation out with its example and these fields; its answer."""
    block = page.locator(f"[id='operations-Tasks-{operation}']")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    for name, value in fields.items():
        block.locator(f"tr[data-param-name$='{name}'] input").fill(value)
    block.get_by_role("button", name="Execute").click()
    return block.locator(".live-responses-table .response").first


def test_a_person_authorizes_submits_the_example_and_follows_it_to_success(up: ApiProcess, page: Page) -> None:
    page.goto(f"{up.url}/docs")
    page.get_by_role("button", name="Authorize").first.click()
    page.locator(".auth-container input").fill(TOKEN)
    page.locator(".auth-btn-wrapper .authorize").click()
    page.locator(".btn-done").click()

    submitted = execute(page, "submit_task")
    expect(submitted.locator(".response-col_status")).to_contain_text("201")
    task = json.loads(submitted.locator(".highlight-code code").first.inner_text())
    assert (task["kind"], task["payload"]) == ("echo", {"hello": "world"})
    picture(page, "submitted")

    followed = execute(page, "get_task", id=task["id"], wait="60")
    expect(followed.locator(".response-col_status")).to_contain_text("200")
    ended = json.loads(followed.locator(".highlight-code code").first.inner_text())
    assert (ended["state"], ended["result"]) == ("succeeded", {"hello": "world"})
    followed.scroll_into_view_if_needed()
    picture(page, "followed")


def test_the_whole_api_can_be_read_in_redoc(up: ApiProcess, page: Page) -> None:
    page.goto(f"{up.url}/redoc")
    expect(page.get_by_role("heading", name="Submit a task")).to_be_visible()
    picture(page, "redoc")
