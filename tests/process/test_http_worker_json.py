"""The reader and the writer of JSON in the worker for bash: what one writes and the other reads is what it was."""

import json
import subprocess

import pytest

from tests.http_workers import EXAMPLES

FUNCTIONS = (EXAMPLES / "json.sh").read_text()

TEXTS = [
    "",
    'a "quoted" \\ back\\\\slash \\u0041 \\n',
    "tabs\t, returns\r, lines\n and \x01\x08\x0c\x1f\x7f",
    "]} , : [{ null",
    "é € \u2028 \ud7ff \ue000 \uffff 😀 \U0010ffff",
    "\\" * 7 + '"',
    "$(exit 1) `exit 1` %s -n *",
    "\\\n" * 50_000 + "😀" * 10_000,
]


def bash(words: str, given: bytes, **variables: str) -> bytes:
    """What these words answer with the worker's functions."""
    script = f"{FUNCTIONS}\n{words}"
    done = subprocess.run(
        ["bash", "-c", script], input=given, capture_output=True, env={"PATH": "/usr/bin:/bin", **variables}
    )
    assert done.stderr == b""
    return done.stdout


def read(pointer: str, text: str) -> str:
    """The value at a pointer, as the worker reads it."""
    return bash('json "$POINTER"', text.encode(), POINTER=pointer).decode()


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("text", TEXTS)
def test_any_text_is_read_as_it_was_written(text: str, ascii_only: bool) -> None:
    document = {"a": [1, {"b": text}, text], "c" + text[:100]: text, "value": text, "z": 1}
    for indent in (None, 2):
        written = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
        assert read("/value", written) == text
        assert read("/a/1/b", written) == text
        assert json.loads(read("/a", written)) == document["a"]


def test_members_are_found_by_their_whole_path() -> None:
    payload = {"id": "b", "/id": "c", "x/y": "d", "x": {"y": "e"}, "m~n": "f", "": {"": "g"}, "tasks": [{"id": "h"}]}
    answer = json.dumps({"payload": payload, "tasks": [{"payload": payload, "id": "a", "n": -1.5e10, "no": None}]})
    for pointer, value in {
        "/tasks/0/id": "a",
        "/tasks/0/payload/id": "b",
        "/tasks/0/payload/~1id": "c",
        "/tasks/0/payload/x~1y": "d",
        "/tasks/0/payload/x/y": "e",
        "/tasks/0/payload/m~0n": "f",
        "/tasks/0/payload//": "g",
        "/tasks/0/payload/tasks/0/id": "h",
        "/tasks/0/n": "-15000000000.0",
        "/tasks/0/no": "null",
        "/tasks/1": "",
        "/tasks/0/i": "",
        "/id": "",
    }.items():
        assert read(pointer, answer) == value, pointer


@pytest.mark.parametrize("broken", ["", "{", "[", '{"a', '{"a"', '{"a":', '{"a":}', '{"a":[1,', "[,]", "<html>", "}"])
def test_what_is_no_json_is_read_to_its_end(broken: str) -> None:
    assert read("/a/b", broken) == ""


@pytest.mark.parametrize("text", TEXTS[:-1])
def test_any_text_is_written_as_json(text: str) -> None:
    assert json.loads(bash('json_string "$(cat; echo .)"', text.encode())) == text + "."


def test_what_is_no_utf8_is_replaced() -> None:
    for given in (b"\xff", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
        written = json.loads(bash('json_string "$(cat)"', b"a" + given + b"z"))
        assert set(written[1:-1]) == {"\ufffd"}
        assert written[0] + written[-1] == "az"
