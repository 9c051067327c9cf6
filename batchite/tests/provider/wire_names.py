"""Derives `provider/wire.json`: ARM's name and place of every nested input that the SDK shows otherwise.

The source are the attribute maps of the management SDKs' last msrest-style releases. Most are large and needed for
nothing else, so they are read from a folder that is made for the purpose; `test_tables.py` compares the types whose SDK
is installed (network: nearly all of the file):

    uv pip install --no-deps --target /tmp/mgmt azure-mgmt-network==28.1.0 azure-mgmt-monitor==6.0.2 \
        azure-mgmt-keyvault==10.3.1 azure-mgmt-privatedns==1.2.0 azure-mgmt-loganalytics==13.0.0b7 \
        azure-mgmt-consumption==10.0.0 azure-mgmt-containerregistry==10.3.0 azure-mgmt-msi==7.0.0 \
        msrest==0.7.1 isodate oauthlib requests-oauthlib
    export PYTHONPATH=/tmp/mgmt:batchite/tests
    python batchite/tests/provider/wire_names.py > batchite/src/batchite/provider/wire.json

The file holds, for each type, the paths whose name or place differs, relative to the object around them. Inputs that
are newer than the models lie where the last part of `NEWER` says, or else under their own names.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from provider import sdk_shapes

NEWER = {
    "containerregistry:Registry": {"networkRuleSet.ipRules.iPAddressOrRange": "value"},
    "network:PrivateEndpoint": {"subnet.serviceGateway": "properties.serviceGateway"},
    "network:VirtualNetwork": {"subnets.serviceGateway": "properties.serviceGateway"},
}
MODELS = {
    "authorization:RoleDefinition": "authorization.v2022_05_01_preview:RoleDefinition",
    "batch:Application": "batch:Application",
    "batch:ApplicationPackage": "batch:ApplicationPackage",
    "consumption:Budget": "consumption:Budget",
    "containerregistry:Registry": "containerregistry.v2023_01_01_preview:Registry",
    "keyvault:Key": "keyvault.v2023_07_01:KeyCreateParameters",
    "keyvault:Secret": "keyvault.v2023_07_01:SecretCreateOrUpdateParameters",
    "keyvault:Vault": "keyvault.v2023_07_01:VaultCreateOrUpdateParameters",
    "managedidentity:FederatedIdentityCredential": "msi.v2023_01_31:FederatedIdentityCredential",
    "monitor:ActionGroup": "monitor.v2023_01_01:ActionGroupResource",
    "monitor:ActivityLogAlert": "monitor.v2020_10_01:ActivityLogAlertResource",
    "monitor:DiagnosticSetting": "monitor.v2021_05_01_preview:DiagnosticSettingsResource",
    "monitor:MetricAlert": "monitor.v2018_03_01:MetricAlertResource",
    "monitor:ScheduledQueryRule": "monitor.v2022_08_01_preview:ScheduledQueryRuleResource",
    "network:NatGateway": "network:NatGateway",
    "network:NetworkSecurityGroup": "network:NetworkSecurityGroup",
    "network:PrivateDnsZoneGroup": "network:PrivateDnsZoneGroup",
    "network:PrivateEndpoint": "network:PrivateEndpoint",
    "network:PublicIPAddress": "network:PublicIPAddress",
    "network:RouteTable": "network:RouteTable",
    "network:SecurityRule": "network:SecurityRule",
    "network:Subnet": "network:Subnet",
    "network:VirtualNetwork": "network:VirtualNetwork",
    "operationalinsights:Workspace": "loganalytics:Workspace",
    "privatedns:PrivateRecordSet": "privatedns:RecordSet",
    "privatedns:PrivateZone": "privatedns:PrivateZone",
    "privatedns:VirtualNetworkLink": "privatedns:VirtualNetworkLink",
}


def wire() -> dict[str, Any]:
    """The content of the file."""
    rows = {token: row(token) for token in MODELS}
    return {token: names for token, names in rows.items() if names}


def row(token: str) -> dict[str, str]:
    """The names of one type."""
    return _row(token, MODELS[token]) | NEWER.get(token, {})


def _row(token: str, model: str) -> dict[str, str]:
    package, name = model.split(":")
    models = importlib.import_module(f"azure.mgmt.{package}.models")
    found = _names(models, getattr(models, name), sdk_shapes.shapes()[token]["inputs"], "")
    placed = {path: key if "." in path else key.removeprefix("properties.") for path, key in found if key}
    return {path: key for path, key in placed.items() if key != path.rpartition(".")[2]}


def _names(models: Any, model: Any, shape: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Every nested path with its key relative to the object around it, empty where the model has none."""
    attributes = _attributes(models, model)
    for marked, inner in sorted(shape.items()):
        name = marked.rstrip("!")
        here = f"{path}.{name}" if path else name
        key, kind = attributes.get(name, ("", ""))
        yield here, key
        kind, item = re.sub(r"[\[\]{}]", "", kind), inner[0] if isinstance(inner, list) else inner
        item = item.get("*", item) if isinstance(item, dict) else item
        if isinstance(item, dict) and hasattr(models, kind):
            yield from _names(models, getattr(models, kind), item, here)


def _attributes(models: Any, model: Any) -> dict[str, tuple[str, str]]:
    """The key and the type of a model's properties, those of its subtypes included, by the name in the program."""
    found: dict[str, tuple[str, str]] = {}
    for python_name, entry in getattr(model, "_attribute_map", {}).items():
        key = entry["key"]
        for name in (_camel(python_name), _camel(re.split(r"(?<!\\)\.", key)[-1].replace("\\.", "_"))):
            found.setdefault(name, (key, entry["type"]))
    for subtypes in vars(model).get("_subtype_map", {}).values():
        for subtype in subtypes.values():
            for name, entry in _attributes(models, getattr(models, subtype)).items():
                found.setdefault(name, entry)
    return found


def _camel(name: str) -> str:
    return re.sub("_([a-z])", lambda found: found[1].upper(), name)


if __name__ == "__main__":
    json.dump(wire(), sys.stdout, indent=1)
    sys.stdout.write("\n")
