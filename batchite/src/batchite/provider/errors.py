"""Errors of the provider as the user reads them in Pulumi's diagnostics."""

from __future__ import annotations

from collections.abc import Mapping

_ADVICE: Mapping[str, str] = {
    "AlreadyExists": "import it with `pulumi import`, or choose another name",
    "AuthorizationFailed": "assign the role that allows this to the developer's identity on the scope",
    "CannotDeleteResource": "delete what is inside before: let it depend on the resource",
    "ConflictError": "recover or purge the deleted vault, or choose another name; `batchite reset` forgets everything",
    "InUseSubnetCannotBeDeleted": "delete what lies in the subnet before: let it depend on the subnet",
    "InvalidAuthenticationToken": 'run `eval "$(batchite env)"`: the environment belongs to another server',
    "InvalidResourceReference": "let the resource depend on what it names, or correct the id",
    "NotSupported": "leave it out of the local stack, or deploy to Azure with another stack",
    "ParentResourceNotFound": "make the resource depend on its parent, or run `pulumi refresh` if that was deleted",
    "PropertyCannotBeUpdated": "replace the resource: add the property to the option `replace_on_changes`",
    "ResourceGroupNotFound": "pass the resource group's name as its output, so that it is created before",
    "ScopeLocked": "remove the lock, deploy, then try again",
    "ServerUnreachable": "see `batchite status`; start the server with `batchite start`",
    "SignInFailed": "see `batchite status`; `batchite start` writes the environment file anew",
    "SubscriptionMismatch": "set azure-native:subscriptionId to it, or unset PULUMI_DEBUG_PROVIDERS to reach Azure",
    "Timeout": "give the resource a longer one with the option `custom_timeouts`, then run `pulumi up` again",
}
_GENERAL_ADVICE = "correct the program and run `pulumi up` again; the server's side is in its log/server.log"


class ProviderError(Exception):
    """A refusal with code, text, the resource it is about (empty for none) and the next step."""

    def __init__(self, code: str, text: str, resource: str = "", next_step: str = _GENERAL_ADVICE) -> None:
        about = f"\n  resource: {resource}" if resource else ""
        super().__init__(f"{code}: {text}{about}\n  next: {next_step}")


class PartlyDoneError(Exception):
    """The resource exists, but not as wished: the engine keeps it and tries an update at the next deployment."""

    def __init__(self, error: ProviderError, identifier: str, outputs: Mapping[str, object]) -> None:
        super().__init__(str(error))
        self.identifier = identifier
        self.outputs = outputs


def advice(code: str) -> str:
    """The next step for an error code."""
    return _ADVICE.get(code, _GENERAL_ADVICE)
