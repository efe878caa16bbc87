import httpx2


async def test_a_process_that_answers_is_live(api: httpx2.AsyncClient) -> None:
    answer = await api.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})
    assert answer.headers["x-request-id"]


async def test_an_unknown_path_is_a_problem_document(api: httpx2.AsyncClient) -> None:
    answer = await api.get("/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"
