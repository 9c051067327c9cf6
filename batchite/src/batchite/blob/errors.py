"""Errors of the Blob service: code, status and text as its REST reference gives them, rendered as its XML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from xml.sax.saxutils import escape

REFUSED = "Server failed to authenticate the request."

CATALOGUE: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "InvalidHeaderValue": (400, "The value for one of the HTTP headers is not in the correct format."),
        "InvalidQueryParameterValue": (
            400,
            "Value for one of the query parameters specified in the request URI is invalid.",
        ),
        "InvalidResourceName": (400, "The specified resource name contains invalid characters."),
        "InvalidUri": (400, "The requested URI does not represent any resource on the server."),
        "InvalidXmlDocument": (400, "XML specified is not syntactically valid."),
        "InvalidXmlNodeValue": (
            400,
            "The value for one of the XML nodes is not in the correct format.",
        ),
        "UnsupportedHeader": (400, "One of the headers specified in the request is not supported."),
        "InvalidAuthenticationInfo": (
            401,
            f"{REFUSED} Please refer to the information in the www-authenticate header.",
        ),
        "NoAuthenticationInformation": (
            401,
            f"{REFUSED} Please refer to the information in the www-authenticate header.",
        ),
        "AuthenticationFailed": (
            403,
            f"{REFUSED} Make sure the value of Authorization header is formed correctly including the signature.",
        ),
        "AuthorizationFailure": (403, "This request is not authorized to perform this operation."),
        "AuthorizationPermissionMismatch": (
            403,
            "This request is not authorized to perform this operation using this permission.",
        ),
        "AuthorizationSourceIPMismatch": (
            403,
            "This request is not authorized to perform this operation using this source IP.",
        ),
        "HostNotAllowed": (403, "Requests are accepted for the hosts 127.0.0.1, localhost and [::1] only."),
        "KeyBasedAuthenticationNotPermitted": (
            403,
            "Key based authentication is not permitted on this storage account.",
        ),
        "ResourceNotFound": (404, "The specified resource does not exist."),
        "UnsupportedHttpVerb": (405, "The resource doesn't support specified Http Verb."),
        "PublicAccessNotPermitted": (409, "Public access is not permitted on this storage account."),
        "MissingContentLengthHeader": (411, "Content-Length HTTP header is missing."),
        "InternalError": (500, "The server encountered an internal error. Please retry the request."),
        "OperationTimedOut": (500, "The operation could not be completed within the permitted time."),
        "NotImplemented": (501, "The requested operation is not implemented by Batchite."),
        "ServerBusy": (503, "The server is currently unable to receive requests. Please retry your request."),
    }
)


@dataclass(eq=False)  # an exception must stay mutable: Python attaches the traceback to it
class StorageError(Exception):
    """A blob request that the gateway refuses."""

    code: str
    detail: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """HTTP status of the code."""
        return CATALOGUE[self.code][0]

    @property
    def text(self) -> str:
        """The catalogue's text, followed by the detail when there is one."""
        return " ".join(part for part in (CATALOGUE[self.code][1], self.detail) if part)

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


def not_implemented(operation: str) -> StorageError:
    """A 501 that names what is not built."""
    return StorageError("NotImplemented", detail=f"Operation: {operation}.")


def render(error: StorageError, request_id: str) -> bytes:
    """The XML body of an error."""
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    message = escape(f"{error.text}\nRequestId:{request_id}\nTime:{moment}")
    body = f"<Error><Code>{error.code}</Code><Message>{message}</Message></Error>"
    return f'<?xml version="1.0" encoding="utf-8"?>{body}'.encode()
