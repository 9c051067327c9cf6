"""The engine's protocol (`pulumirpc.ResourceProvider`): messages decoded, the pure parts asked, messages encoded.

Secrets: the handshake accepts none, so the engine strips them on the way in and marks them again on the way out.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from batchite.provider import check, difference, naming, translate
from batchite.provider.errors import PartlyDoneError, ProviderError, advice
from batchite.provider.operations import DEFAULT_TIMEOUT, Operations
from batchite.provider.tables import CLIENT_CONFIG, FUNCTIONS, PACKAGE, RESOURCES, VERSION, ResourceType
from batchite.provider.values import Properties, decode, encode, is_unknown

_STABLE_OUTPUTS = ("name", "location")  # what no update changes: known in the preview of one
_SIGN_IN = frozenset(
    {
        "clientCertificatePassword",
        "clientCertificatePath",
        "clientId",
        "clientSecret",
        "disableInstanceDiscovery",
        "disablePulumiPartnerId",
        "environment",
        "metadataHost",
        "msiEndpoint",
        "oidcRequestToken",
        "oidcRequestUrl",
        "oidcToken",
        "oidcTokenFilePath",
        "partnerId",
        "tenantId",
        "useDefaultAzureCredential",
        "useMsi",
        "useOidc",
    }
)
"""Configuration of the real provider that says how to reach and sign in to Azure. The stand-in is attached to a server
and signs in as its developer, so that the same stack configuration works with both."""

_CONFIGURATION = _SIGN_IN | {"location", "pluginDownloadURL", "subscriptionId", "version"}
_MODES = {
    provider_pb2.CheckRequest.AutonamingOptions.PROPOSE: naming.Mode.PROPOSE,
    provider_pb2.CheckRequest.AutonamingOptions.ENFORCE: naming.Mode.ENFORCE,
    provider_pb2.CheckRequest.AutonamingOptions.DISABLE: naming.Mode.DISABLE,
}
_KINDS = {
    (difference.Kind.ADD, False): provider_pb2.PropertyDiff.ADD,
    (difference.Kind.ADD, True): provider_pb2.PropertyDiff.ADD_REPLACE,
    (difference.Kind.DELETE, False): provider_pb2.PropertyDiff.DELETE,
    (difference.Kind.DELETE, True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    (difference.Kind.UPDATE, False): provider_pb2.PropertyDiff.UPDATE,
    (difference.Kind.UPDATE, True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")
_Method = Callable[["Provider", _Request, grpc.ServicerContext], _Response]


def _reported(method: _Method[_Request, _Response]) -> _Method[_Request, _Response]:
    """Errors of the provider become gRPC errors; a half-made resource goes along with its error."""

    @functools.wraps(method)
    def answer(self: Provider, request: _Request, context: grpc.ServicerContext) -> _Response:
        try:
            return method(self, request, context)
        except PartlyDoneError as error:
            _abort_with_checkpoint(context, error, request)
        except ProviderError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))

    return answer


def _abort_with_checkpoint(context: grpc.ServicerContext, error: PartlyDoneError, request: Any) -> NoReturn:
    inputs = request.news if isinstance(request, provider_pb2.UpdateRequest) else request.properties
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.identifier, properties=encode(error.outputs), reasons=[str(error)], inputs=inputs
        )
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error), details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(error))


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """The stand-in, attached to one subscription of one server.

    One process serves every provider instance of every run, and requests do not say which instance they mean.
    So all must name the attached subscription, and a default location counts only while all agree on it.
    """

    def __init__(self, operations: Operations, subscription: str) -> None:
        self._operations = operations
        self._subscription = subscription
        self._lock = threading.Lock()
        self._locations: set[str] = set()

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Names can be chosen by the engine; no secrets, resources or outputs as values."""
        return provider_pb2.ProviderHandshakeResponse(supports_autonaming_configuration=True)

    def Attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """The engine announces itself (PULUMI_DEBUG_PROVIDERS); the provider never calls back."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version of azure-native this provider stands in for."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Refuses configuration that the real provider does not know or that cannot hold here."""
        unknown = sorted(decode(request.news).keys() - _CONFIGURATION)
        failures = [
            provider_pb2.CheckFailure(property=name, reason=f"configuration '{name}' is not supported by the stand-in")
            for name in unknown
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """As the real provider: a changed configuration replaces nothing by itself."""
        return provider_pb2.DiffResponse()

    @_reported
    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Takes the default location; refuses another subscription than the attached one."""
        wanted = request.variables.get(f"{PACKAGE}:config:subscriptionId", self._subscription)
        if wanted.lower() != self._subscription.lower():
            text = f"this run is attached to a local server with subscription {self._subscription}, not {wanted}"
            raise ProviderError("SubscriptionMismatch", text, "", advice("SubscriptionMismatch"))
        location = request.variables.get(f"{PACKAGE}:config:location")
        if location:
            with self._lock:
                self._locations.add(location)
        return provider_pb2.ConfigureResponse(supportsPreview=True, supports_autonaming_configuration=True)

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """The run is over. The server goes on: the next run attaches to it."""
        with self._lock:
            self._locations.clear()
        return empty_pb2.Empty()

    @_reported
    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        """Inputs completed with name, location and API version; everything wrong with them by property."""
        row = RESOURCES.get(request.type)
        if row is None:
            return _check_response(decode(request.news), [check.unsupported(request.type)])
        news, olds = decode(request.news), decode(request.olds)
        location = self._location(row, news, olds)
        checked = check.check(row, news, olds, _wish(request), location)
        return _check_response(checked.inputs, checked.failures)

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Old inputs beside new ones."""
        found = difference.compare(RESOURCES[request.type], decode(request.old_inputs), decode(request.news))
        detail = {
            change.path: provider_pb2.PropertyDiff(kind=_KINDS[change.kind, change.replaces], inputDiff=True)
            for change in found.changes
        }
        answer = provider_pb2.DiffResponse
        return provider_pb2.DiffResponse(
            changes=answer.DIFF_SOME if detail else answer.DIFF_NONE,
            replaces=found.replaces,
            diffs=sorted({change.path.split(".")[0].split("[")[0] for change in found.changes}),
            deleteBeforeReplace=found.delete_before_replace,
            detailedDiff=detail,
            hasDetailedDiff=True,
        )

    @_reported
    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        """A new resource, or in a preview what is known of it."""
        row, inputs = RESOURCES[request.type], decode(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=encode(translate.preview(row, inputs)))
        identifier, outputs = self._operations.create(row, inputs, request.timeout or DEFAULT_TIMEOUT)
        return provider_pb2.CreateResponse(id=identifier, properties=encode(outputs))

    @_reported
    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        """The present state; an empty id for a resource that is gone."""
        inputs, state = decode(request.inputs), decode(request.properties)
        found = self._operations.read(_supported(request.type), request.id, inputs, state)
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=request.id, inputs=encode(found[0]), properties=encode(found[1]))

    @_reported
    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        """A full PUT of the new inputs, or in a preview what is known of the result."""
        row, inputs, state = RESOURCES[request.type], decode(request.news), decode(request.olds)
        if request.preview:
            kept = {name: state[name] for name in _STABLE_OUTPUTS if name in state}
            return provider_pb2.UpdateResponse(properties=encode(translate.preview(row, inputs) | kept))
        outputs = self._operations.update(row, request.id, inputs, state, request.timeout or DEFAULT_TIMEOUT)
        return provider_pb2.UpdateResponse(properties=encode(outputs))

    @_reported
    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Deletes the resource and waits until it is gone."""
        self._operations.delete(RESOURCES[request.type], request.id, request.timeout or DEFAULT_TIMEOUT)
        return empty_pb2.Empty()

    @_reported
    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        """A function of the table."""
        arguments = decode(request.args)
        if request.tok == CLIENT_CONFIG:
            return _invoke_response(self._operations.client_config())
        function = FUNCTIONS.get(request.tok)
        if function is None:
            known = ", ".join(sorted([CLIENT_CONFIG, *FUNCTIONS]))
            text = f"the stand-in for {PACKAGE} has no function {request.tok}; it has {known}"
            raise ProviderError("NotSupported", text, "", advice("NotSupported"))
        return _invoke_response(self._operations.call(function, arguments))

    def _location(self, row: ResourceType, news: Properties, olds: Properties) -> str | None:
        """The default location: the old one, the configured one, that of the resource group."""
        if not check.needs_location(row, news):
            return None
        if "location" in olds:
            return str(olds["location"])
        with self._lock:
            configured = sorted(self._locations)
        if len(configured) > 1:
            text = f"providers of this run are configured with different locations: {', '.join(configured)}"
            raise ProviderError("AmbiguousLocation", text, "", "set `location` on the resource")
        return configured[0] if configured else self._group_location(news)

    def _group_location(self, news: Mapping[str, Any]) -> str | None:
        group = news.get("resourceGroupName")
        return group if not isinstance(group, str) or is_unknown(group) else self._operations.group_location(group)


def _supported(token: str) -> ResourceType:
    """The row of a type that no Check has let through (read and import come without one)."""
    if token not in RESOURCES:
        raise ProviderError("NotSupported", check.unsupported(token).reason, "", advice("NotSupported"))
    return RESOURCES[token]


def _wish(request: provider_pb2.CheckRequest) -> naming.Wish:
    if not request.HasField("autonaming"):
        return naming.Wish(request.name, request.randomSeed)
    options = request.autonaming
    return naming.Wish(request.name, request.randomSeed, _MODES[options.mode], options.proposed_name)


def _check_response(
    inputs: Properties, failures: tuple[check.Failure, ...] | list[check.Failure]
) -> provider_pb2.CheckResponse:
    return provider_pb2.CheckResponse(
        inputs=encode(inputs),
        failures=[provider_pb2.CheckFailure(property=failure.path, reason=failure.reason) for failure in failures],
    )


def _invoke_response(result: Properties) -> provider_pb2.InvokeResponse:
    response = provider_pb2.InvokeResponse()
    getattr(response, "return").CopyFrom(encode(result))  # the field's name is a keyword of Python
    return response
