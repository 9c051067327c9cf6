"""The JSON body of a request."""

from __future__ import annotations

from typing import Any

from batchite.errors import ServiceError
from batchite.http.json_body import NotAnObjectError, json_object
from batchite.http.types import Request


def read_body(request: Request) -> dict[str, Any]:
    """The JSON object that the request carries. Raises InvalidRequestContent."""
    try:
        return json_object(request.body)
    except NotAnObjectError as error:
        raise ServiceError("InvalidRequestContent", str(error)) from None
