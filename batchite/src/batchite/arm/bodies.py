"""The JSON body of a request."""

from __future__ import annotations

import json
from typing import Any

from batchite.errors import ServiceError
from batchite.http.types import Request


def read_body(request: Request) -> dict[str, Any]:
    """The JSON object that the request carries. Raises InvalidRequestContent."""
    try:
        body = json.loads(request.body)
    except ValueError:
        raise ServiceError("InvalidRequestContent", "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise ServiceError("InvalidRequestContent", "The body must be a JSON object.")
    return body
