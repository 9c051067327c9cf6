"""What a user does with the management commands of `az`: log in to the local cloud, make an account, use it, remove it.

`{https}` is the server's HTTPS address; the other names come from its environment file.
"""

from collections.abc import Mapping

from clients.azure_cli import Step

ACCOUNT = "-n azaccount -g azgroup"
NAMED = "--account-name azaccount -g azgroup"
APPLICATION = f"{ACCOUNT} --application-name tool"
LOGIN = (
    Step("cloud register -n local --endpoint-resource-manager {https}"),
    Step("cloud set -n local"),
    Step(
        "login --service-principal -u {client} -p {secret} --tenant {tenant}",
        [{"name": "Batchite", "state": "Enabled", "isDefault": True}],
    ),
    Step("account show", {"name": "Batchite", "user": {"type": "servicePrincipal"}}),
)
ACCOUNTS = (
    Step("group create -n azgroup -l westeurope", {"properties": {"provisioningState": "Succeeded"}}),
    Step("storage account create -n azstored -g azgroup -l westeurope --sku Standard_LRS", {"name": "azstored"}),
    Step(
        f"batch account create {ACCOUNT} -l westeurope --storage-account azstored",
        {"provisioningState": "Succeeded", "autoStorage": {"authenticationMode": "StorageKeys"}},
    ),
    Step("batch account list -g azgroup --query '[].name'", ["azaccount"]),
    Step(f"batch account show {ACCOUNT}", {"name": "azaccount", "poolAllocationMode": "BatchService"}),
    Step("batch account show -n none -g azgroup", fails="ResourceNotFound"),
    Step(f"batch account set {ACCOUNT} --tags a=b", {"tags": {"a": "b"}}),
    Step(f"batch account keys list {ACCOUNT} --query accountName", "azaccount"),
    Step(f"batch account keys renew {ACCOUNT} --key-name primary --query accountName", "azaccount"),
    Step(f"batch account autostorage-keys sync {ACCOUNT}"),
    Step(f"batch account identity show {ACCOUNT}", {"type": "None"}),
    Step(f"batch account network-profile show {ACCOUNT}"),
)
APPLICATIONS = (
    Step(f"batch application create {APPLICATION}", {"name": "tool"}),
    Step(f"batch application list {ACCOUNT} --query '[].name'", ["tool"]),
    Step(
        f"batch application package create {APPLICATION} --version-name 1.0 --package-file {{home}}/tool.zip",
        {"state": "Active", "name": "1.0"},
    ),
    Step(f"batch application package list {APPLICATION} --query '[].name'", ["1.0"]),
    Step(f"batch application package show {APPLICATION} --version-name 1.0", {"format": "zip"}),
    Step(f"batch application package activate {APPLICATION} --version-name 1.0 --format zip"),
    Step(f"batch application set {APPLICATION} --default-version 1.0", {"defaultVersion": "1.0"}),
    Step(f"batch application show {APPLICATION}", {"defaultVersion": "1.0"}),
    Step(f"batch account login {ACCOUNT}"),
    Step("batch application summary list", [{"id": "tool", "versions": ["1.0"]}]),
    Step("batch application summary show --application-id tool", {"id": "tool"}),
    Step(f"batch account login {ACCOUNT} --shared-key-auth"),
    Step("batch pool list", []),
)
REMOVAL = (
    Step(f"batch application package delete {APPLICATION} --version-name 1.0 --yes"),
    Step(f"batch application delete {APPLICATION} --yes"),
    Step(f"batch account delete {ACCOUNT} --yes"),
    Step("group delete -n azgroup --yes"),
    Step("batch account list", []),
)
SESSION = (*LOGIN, *ACCOUNTS, *APPLICATIONS, *REMOVAL)

REFUSED: Mapping[str, str] = {
    f"batch account outbound-endpoints {ACCOUNT}": "outboundNetworkDependenciesEndpoints",
    f"batch private-link-resource list {NAMED}": "privateLinkResources",
    f"batch private-endpoint-connection list {NAMED}": "privateEndpointConnections",
}
"""Commands whose ARM resource Batchite does not have, and the name its refusal gives."""
