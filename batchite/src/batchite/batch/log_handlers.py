"""The handler that gives away the log of a node."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from batchite.agent.launch import OutputFile
from batchite.agent.transfer import TransferError
from batchite.batch import documents
from batchite.batch.answers import one
from batchite.batch.bodies import read_body
from batchite.batch.context import POOL, Context, stored
from batchite.batch.durations import parse_time
from batchite.batch.logins import require_machine
from batchite.batch.node_handlers import find_node
from batchite.batch.resources import LOG_UPLOAD
from batchite.batch.rules import record, refuse
from batchite.batch.schedule_rules import moment
from batchite.batch.tasks import identities
from batchite.http.types import Json, Request, Response

UPLOAD = record(
    {"containerUrl": documents.URL, "startTime": moment},
    {"endTime": moment, "identityReference": documents.IDENTITY},
)


async def upload_node_logs(context: Context, request: Request) -> Response:
    """POST /pools/{poolId}/nodes/{nodeId}/uploadbatchservicelogs: the log files are stored when this answers.

    The service stores them later; waiting tells a client here what was wrong with the container.
    """
    pool, node = find_node(context, request)
    body = read_body(request, UPLOAD)
    require_machine(node)
    client = _client_id(body, stored(context.service, POOL, pool.key))
    folder = f"{pool.id}/{node.key.node}/{uuid.uuid4()}/"
    container = OutputFile("", body["containerUrl"], folder, client_id=client)
    try:
        count = await context.logs.upload(node.key, _times(body, context.service.now().wire), container)
    except TransferError as error:
        reason = f"{error.failure.code}: {error.failure.message}."
        raise refuse("containerUrl", body["containerUrl"], reason) from None
    return one(request, LOG_UPLOAD, {"virtualDirectoryName": folder, "numberOfFilesUploaded": count})


def _times(body: Mapping[str, Json], now: float) -> tuple[float, float]:
    start, end = parse_time(body["startTime"]), parse_time(body["endTime"]) if "endTime" in body else now
    if "endTime" in body and end <= start:
        raise refuse("endTime", body["endTime"], "The value must be later than startTime.")
    return start, end


def _client_id(body: Mapping[str, Json], pool_document: Mapping[str, Json]) -> str:
    """The identity that may write to the container; without one the URL must have a SAS (documented)."""
    if "identityReference" not in body:
        if "sig=" not in body["containerUrl"].partition("?")[2]:
            raise refuse("containerUrl", body["containerUrl"], "Without an identity the URL must have a SAS.")
        return ""
    resource = body["identityReference"]["resourceId"]
    client = identities(pool_document).get(resource.lower())
    if not client:
        raise refuse("identityReference.resourceId", resource, "The pool does not have this identity.")
    return str(client)
