"""Handlers of the application operations. Applications are made through ARM; here they are only seen."""

from __future__ import annotations

from functools import partial

from batchite.batch.answers import one
from batchite.batch.applications import Application, find
from batchite.batch.context import Context
from batchite.batch.options import list_page
from batchite.batch.resources import APPLICATION
from batchite.errors import ServiceError
from batchite.http.types import Json, Request, Response


async def list_applications(context: Context, request: Request) -> Response:
    """GET /applications: those with an active version."""
    found = context.applications.listed(request.account)
    rows = ((application.id.lower(), partial(_render, application)) for application in found)
    return Response(200, list_page(request, APPLICATION, rows))


async def get_application(context: Context, request: Request) -> Response:
    """GET /applications/{applicationId}."""
    found = find(context.applications, request.account, request.params["applicationId"])
    if found is None:
        raise ServiceError("ApplicationNotFound")
    return one(request, APPLICATION, _render(found))


def _render(application: Application) -> dict[str, Json]:
    return {
        "id": application.id,
        "displayName": application.display_name,
        "versions": list(application.versions),
    }
