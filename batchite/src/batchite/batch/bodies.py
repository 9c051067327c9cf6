"""Reading and checking request bodies."""

from __future__ import annotations

from batchite.batch.rules import Check, without_nulls
from batchite.batch.versions import newest
from batchite.errors import ServiceError
from batchite.http.json_body import NotAnObjectError, json_object
from batchite.http.types import Json, Request


def read_body(request: Request, check: Check, *, optional: bool = False) -> dict[str, Json]:
    """The JSON object of the body in today's words, checked, without nulls. An absent body is {} when `optional`."""
    if optional and not request.body:
        return {}
    _check_type(request)
    try:
        document = json_object(request.body)
    except NotAnObjectError as error:
        raise ServiceError("InvalidRequestBody", values={"Reason": str(error)}) from None
    document = newest(request, document)
    check("", document)
    found: dict[str, Json] = without_nulls({k: v for k, v in document.items() if not k.startswith("odata.")})
    return found


def _check_type(request: Request) -> None:
    """A body is JSON, and one that says it is something else is refused; one that says nothing is taken as JSON."""
    text = request.header("content-type")
    if text is not None and text.partition(";")[0].strip().lower() != "application/json":
        values = {"HeaderName": "Content-Type", "HeaderValue": text, "Reason": "The body must be application/json."}
        raise ServiceError("InvalidHeaderValue", values=values)
