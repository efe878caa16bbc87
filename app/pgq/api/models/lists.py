"""The parameters that lists share."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import WithJsonSchema

from pgq.api.models.fields import moment, ours, text_schema
from pgq.values import fields

A_NAME = text_schema(fields.NAME_LENGTH)
A_MOMENT = {"type": "string", "format": "date-time"}
MOST_NAMES = 100

Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
Cursor = Annotated[str | None, Query(max_length=500, description="The next_cursor of the page before.")]
Name = Annotated[str, ours(lambda value: fields.name(value, "name")), WithJsonSchema(A_NAME)]
Queues = Annotated[list[Name], Query(max_length=MOST_NAMES, description="In this queue; repeatable.")]
Kinds = Annotated[list[Name], Query(max_length=MOST_NAMES, description="Of this kind; repeatable.")]
ErrorTypes = Annotated[list[Name], Query(max_length=MOST_NAMES, description="Buried by this error; repeatable.")]
Moment = Annotated[datetime, ours(lambda value: moment(value, "time")), WithJsonSchema(A_MOMENT)]
After = Annotated[Moment | None, Query(description="Later than this time, with its offset from UTC.")]
Before = Annotated[Moment | None, Query(description="Earlier than this time, with its offset from UTC.")]
