"""The four doors of SQL: the same task through each, its fields by their column names, JSON as text."""

import json
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.verbs import Database

Fields = Mapping[str, Any]
Door = Callable[[Database, Fields], Coroutine[Any, Any, UUID]]

ARGUMENTS = {"timeout_seconds": "timeout", "idempotency_key": "key"}
"""Where pgq.submit() has another name than the column."""


async def by_insert(db: Database, fields: Fields) -> UUID:
    return await db.insert(**fields)


async def by_copy(db: Database, fields: Fields) -> UUID:
    fields = {"kind": "echo", **fields}
    statement = f"COPY pgq.tasks ({', '.join(fields)}) FROM STDIN".encode()
    async with db.connection.cursor() as cursor, cursor.copy(statement) as copy:
        await copy.write_row(list(fields.values()))
    return UUID(str(await db.value("SELECT max(id::text) FROM pgq.tasks")))


async def by_submit(db: Database, fields: Fields) -> UUID:
    named = {ARGUMENTS.get(name, name): value for name, value in fields.items()}
    if "timeout" in named:
        named["timeout"] = timedelta(seconds=named["timeout"])
    return await db.submit(named.pop("kind", "echo"), **named)


async def by_submit_many(db: Database, fields: Fields) -> UUID:
    fields = {"kind": "echo", **fields}
    members = (
        f"{json.dumps(name)}: {value if name in ('payload', 'headers') else json.dumps(value, default=str)}"
        for name, value in fields.items()
    )
    task: UUID = await db.value("SELECT id FROM pgq.submit_many(%s::jsonb)", f"[{{{', '.join(members)}}}]")
    return task


DOORS: dict[str, Door] = {
    "INSERT": by_insert,
    "COPY": by_copy,
    "pgq.submit": by_submit,
    "pgq.submit_many": by_submit_many,
}
