"""Who may do what with the blobs, and who may submit: role assignments, each as narrow as its use allows.

| who | where | role | for |
|---|---|---|---|
| Batch account | storage account | Storage Blob Data Contributor | auto-storage |
| nodes | input, start-tasks | Storage Blob Data Reader | resource files |
| nodes | further containers | Storage Blob Data Reader | data of the team |
| nodes | output, logs | Storage Blob Data Contributor | output files, results |
| deployer | storage account | Storage Blob Data Contributor | start-task files, a workload's input and results |
| submitter | Batch account | Azure Batch Job Submitter | jobs and tasks, nothing else |
| submitter | input, output, logs | Storage Blob Data Contributor | a workload's input, results and their removal |
| submitter | further containers | Storage Blob Data Reader | data of the team |

Does not own the deployer's rights on the Batch account: whoever may deploy it may also submit to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.grants import (
    BLOB_CONTRIBUTOR,
    BLOB_READER,
    JOB_SUBMITTER,
    SERVICE_PRINCIPAL,
    Grant,
    Granting,
    Principal,
    assign,
)
from components.identity import Identities
from components.records import setting
from components.storage import CONTAINERS, START_TASKS, Storage
from components.validation import UUID, one_of

TASK_CONTAINERS = ("input", "output", "logs")
NODE_ROLES = {"input": BLOB_READER, START_TASKS: BLOB_READER, "output": BLOB_CONTRIBUTOR, "logs": BLOB_CONTRIBUTOR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitter:
    """Someone who may run workloads without being able to change the deployment."""

    object_id: str = setting("The object id that Entra shows for the user, group or application.", UUID)
    principal_type: str = setting("What it is.", one_of("User", "Group", SERVICE_PRINCIPAL), "User")


@dataclass(frozen=True, slots=True)
class AccessArgs:
    """Who deploys, what is granted on, and what the assignments' names are made of."""

    where: Granting
    storage: Storage
    identities: Identities
    deployer: Principal


class Access(pulumi.ComponentResource):
    """The role assignments on blobs. Depend on it before using what they allow."""

    def __init__(self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("azure-batch:components:Access", name, None, opts)
        assign(blob_grants(args), args.where, self)
        self.register_outputs({})


@dataclass(frozen=True, slots=True)
class SubmittersArgs:
    """Who may submit, by name, to which Batch account (a resource id), with which files."""

    where: Granting
    account_id: pulumi.Input[str]
    storage: Storage
    submitters: Mapping[str, Principal]


class Submitters(pulumi.ComponentResource):
    """The role assignments of those who submit jobs."""

    def __init__(self, name: str, args: SubmittersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("azure-batch:components:Submitters", name, {"names": sorted(args.submitters)}, opts)
        for key, principal in args.submitters.items():
            assign(submitter_grants(key, principal, args.account_id, args.storage), args.where, self)
        self.register_outputs({})


def principals(submitters: Mapping[str, Submitter]) -> Mapping[str, Principal]:
    """The submitters of the configuration, as those who get roles."""
    return {key: Principal(one.object_id, one.principal_type) for key, one in submitters.items()}


def blob_grants(args: AccessArgs) -> Mapping[str, Grant]:
    """What the deployment itself needs, by name."""
    nodes = Principal(args.identities.nodes.principal_id, SERVICE_PRINCIPAL)
    batch = Principal(args.identities.batch.principal_id, SERVICE_PRINCIPAL)
    account = args.storage.account_id
    return {
        "batch-auto-storage": Grant(account, BLOB_CONTRIBUTOR, batch),
        **{f"nodes-{key}": Grant(args.storage.container_ids[key], role, nodes) for key, role in NODE_ROLES.items()},
        **_reads("nodes", nodes, args.storage),
        "deployer-blobs": Grant(account, BLOB_CONTRIBUTOR, args.deployer),
    }


def submitter_grants(
    key: str, principal: Principal, account_id: pulumi.Input[str], storage: Storage
) -> Mapping[str, Grant]:
    """What it takes to run a workload, by name."""
    files = {
        f"{key}-{container}": Grant(storage.container_ids[container], BLOB_CONTRIBUTOR, principal)
        for container in TASK_CONTAINERS
    }
    data = _reads(key, principal, storage)
    return {f"{key}-jobs": Grant(account_id, JOB_SUBMITTER, principal), **files, **data}


def _reads(key: str, principal: Principal, storage: Storage) -> Mapping[str, Grant]:
    """Reading what is in containers beyond the stack's own."""
    further = {name: scope for name, scope in storage.container_ids.items() if name not in CONTAINERS}
    return {f"{key}-reads-{name}": Grant(scope, BLOB_READER, principal) for name, scope in further.items()}
