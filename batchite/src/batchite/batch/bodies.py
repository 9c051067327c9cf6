"""Reading and checking request bodies."""

from __future__ import annotations

import orjson

from batchite.batch.rules import Check, without_nulls
from batchite.errors import ServiceError
from batchite.http.types import Json, Request


def read_body(request: Request, check: Check, *, optional: bool = False) -> dict[str, Json]:
    """The JSON object of the body, checked, without nulls. An absent body is {} when `optional`."""
    if optional and not request.body:
        return {}
    try:
        document = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise ServiceError("InvalidRequestBody", values={"Reason": f"The body is not valid JSON: {error}"}) from None
    check("", document)
    found: dict[str, Json] = without_nulls({k: v for k, v in document.items() if not k.startswith("odata.")})
    return found
