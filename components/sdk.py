"""The parts of the Azure SDK that only a deployment needs, imported when they are first used.

Every run of the program loads the modules of dynamic resources, few runs use the SDK. The engine serves dynamic
resources in parallel threads of one process: threads that enter the SDK at different modules would each hold what the
other waits for (`_DeadlockError`). So it is imported here alone, in one order, by one thread at a time.
"""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

IMPORTING = threading.Lock()
"""Held by the thread that imports."""


def sdk() -> SimpleNamespace:
    """Clients, what they are made of, and what they raise, by the names the SDK gives them."""
    # Imported here and nowhere else, in this order: see above.
    with IMPORTING:
        from azure.batch import BatchClient  # noqa: PLC0415
        from azure.batch.models import BatchPoolEnableAutoScaleOptions  # noqa: PLC0415
        from azure.core import PipelineClient, exceptions  # noqa: PLC0415
        from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy  # noqa: PLC0415
        from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415 - else with the first request
        from azure.core.rest import HttpRequest  # noqa: PLC0415
        from azure.storage.blob import BlobClient  # noqa: PLC0415

    return SimpleNamespace(
        AzureError=exceptions.AzureError,
        BatchClient=BatchClient,
        BatchPoolEnableAutoScaleOptions=BatchPoolEnableAutoScaleOptions,
        BearerTokenCredentialPolicy=BearerTokenCredentialPolicy,
        BlobClient=BlobClient,
        HttpRequest=HttpRequest,
        HttpResponseError=exceptions.HttpResponseError,
        PipelineClient=PipelineClient,
        RequestsTransport=RequestsTransport,
        ResourceExistsError=exceptions.ResourceExistsError,
        ResourceNotFoundError=exceptions.ResourceNotFoundError,
        RetryPolicy=RetryPolicy,
    )


def credential() -> Any:
    """Whoever deploys, as DefaultAzureCredential finds; making one imports more of the SDK."""
    with IMPORTING:
        from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - see above

        return DefaultAzureCredential()
