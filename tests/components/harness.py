"""Runs the whole program under Pulumi's mocks and records what it asks for."""

from __future__ import annotations

import functools
import json
import re
import runpy
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "azure-batch"
SUBSCRIPTION = "0b4c417e-0000-4000-8000-000000000001"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups"
DEPLOYER = "0b4c417e-0000-4000-8000-0000000000d1"
UUIDS = uuid.UUID(int=0)

TYPES = {
    "azure-native:resources:ResourceGroup": "",
    "azure-native:storage:StorageAccount": "Microsoft.Storage/storageAccounts",
    "azure-native:storage:BlobContainer": "Microsoft.Storage/containers",
    "azure-native:managedidentity:UserAssignedIdentity": "Microsoft.ManagedIdentity/userAssignedIdentities",
    "azure-native:batch:BatchAccount": "Microsoft.Batch/batchAccounts",
    "azure-native:batch:Pool": "Microsoft.Batch/pools",
}


@dataclass
class Deployed:
    """What a run of the program registered: inputs by (type, name), calls of functions, outputs of the stack."""

    resources: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """The inputs of all resources of a type ("batch:Pool") by name."""
        return {name: inputs for (typ, name), inputs in self.resources.items() if typ.endswith(f":{kind}")}

    def one(self, kind: str) -> dict[str, Any]:
        """The inputs of the resource of a type that there is once."""
        (inputs,) = self.of(kind).values()
        return inputs


class Azure(pulumi.runtime.Mocks):
    """Answers as Azure would, as far as the program reads the answers."""

    def __init__(self, deployed: Deployed, *, preview: bool) -> None:
        self.deployed = deployed
        self.preview = preview

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Record the inputs; in a preview the outputs are unknown."""
        self.deployed.resources[args.typ, args.name] = args.inputs
        echoed = {**args.inputs, **identity_answer(args.inputs)}
        if self.preview:
            return None, echoed
        kind = TYPES.get(args.typ, args.typ)
        name = next((args.inputs[key] for key in NAME_INPUTS if key in args.inputs), args.name)
        return f"{GROUP}/rg/providers/{kind}/{name}", {**echoed, **answers(args.typ, name)}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        """The one function the program may call."""
        self.deployed.calls.append(args.token)
        return {"clientId": "", "objectId": DEPLOYER, "subscriptionId": SUBSCRIPTION, "tenantId": ""}, []


def identity_answer(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Identities are a list in the program and a map in what Azure answers."""
    if "identity" not in inputs:
        return {}
    listed = inputs["identity"]["userAssignedIdentities"]
    return {"identity": {**inputs["identity"], "userAssignedIdentities": {str(item): {} for item in listed}}}


NAME_INPUTS = (
    "poolName",
    "subnetName",
    "keyName",
    "vaultName",
    "resourceName",
    "containerName",
    "accountName",
    "resourceGroupName",
)


def answers(token: str, name: str) -> dict[str, Any]:
    """The outputs beside the inputs."""
    match token.rpartition(":")[2]:
        case "StorageAccount":
            return {"name": name, "primaryEndpoints": {"blob": f"https://{name}.blob.core.windows.net/"}}
        case "BatchAccount":
            quotas = dict.fromkeys(("poolQuota", "activeJobAndJobScheduleQuota"), 100)
            cores = {"dedicatedCoreQuota": 900, "lowPriorityCoreQuota": 500}
            return {"name": name, "accountEndpoint": f"{name}.westeurope.batch.azure.com", **quotas, **cores}
        case "Vault":
            return {"name": name, "properties": {"vaultUri": f"https://{name}.vault.azure.net/"}}
        case "Key":
            return {"name": name, "keyUri": f"https://{name}.vault.azure.net/keys/{name}"}
        case "UserAssignedIdentity":
            made = {key: str(uuid.uuid5(UUIDS, f"{key} {name}")) for key in ("principalId", "clientId")}
            return {"name": name, **made}
    return {"name": name}


def configuration(stack: str) -> dict[str, str]:
    """The configuration of a stack as the engine hands it over: strings, structured values as JSON."""
    document = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())
    return {key: item if isinstance(item, str) else json.dumps(item) for key, item in document["config"].items()}


def deploy(
    monkeypatch: pytest.MonkeyPatch,
    stack: str,
    *,
    preview: bool = False,
    root: Path = ROOT,
    config: Mapping[str, Any] | None = None,
    name: str = "",
) -> Deployed:
    """Run the program of `root` for a stack; `config` replaces configuration values, `name` the stack's name."""
    deployed = Deployed()
    monkeypatch.chdir(root)
    monkeypatch.setattr(pulumi, "export", functools.partial(record_output, deployed))
    pulumi.runtime.set_mocks(Azure(deployed, preview=preview), project=PROJECT, stack=name or stack, preview=preview)
    changes = {f"{PROJECT}:{key}": value for key, value in (config or {}).items()}
    pulumi.runtime.set_all_config({**configuration(stack), **changes})
    run = pulumi.runtime.test(lambda: runpy.run_path(str(ROOT / "__main__.py")) and None)  # type: ignore[no-untyped-call]
    run()
    return deployed


def record_output(deployed: Deployed, name: str, value: Any) -> None:
    """Keep an output of the stack; a part that is unknown in a preview makes the whole of it unknown."""
    deployed.outputs[name] = None
    pulumi.Output.from_input(value).apply(functools.partial(deployed.outputs.__setitem__, name))


def strings(value: Any) -> list[str]:
    """All strings within a value but the code of dynamic resources."""
    if isinstance(value, dict):
        return [text for key, item in value.items() if key != "__provider" for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def matches(pattern: str, name: str) -> bool:
    """Whether the pattern takes the whole name."""
    return re.fullmatch(pattern, name) is not None
