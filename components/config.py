"""The stack configuration: typed, complete and judged as a whole before any resource is made.

`parse` is pure. Does not own what a section means: that stands in the component that the section is for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import pulumi
from pulumi.runtime import config as engine_config

from components import packing, preflight, records
from components.access import Submitter
from components.account import USER_SUBSCRIPTION, AccountSettings
from components.arm_inputs import SECRET
from components.budget import BudgetSettings
from components.key_vault import VaultSettings
from components.monitoring import WEBHOOKS, MonitoringSettings
from components.naming import KEY, POOL_KEY, PREFIX
from components.network import NetworkSettings
from components.package_settings import MOST_OF_A_POOL, MOST_OF_AN_ACCOUNT, PackageSettings
from components.pipeline import PipelineSettings
from components.pool_settings import PoolSettings
from components.public_access import ANYONE, PublicAccess
from components.records import nested, setting, table
from components.start_task_settings import STRINGS
from components.storage import StorageSettings
from components.validation import Problem, matching, one_of, refuse

_SECRET = re.compile(r"(?i)[?&]sig=|accountkey=|sharedaccesskey=|\bpassword\s*=|BEGIN [A-Z ]*PRIVATE KEY")
_OF_A_START_TASK = re.compile(r":pools\..+\.startTask\.(environment|scripts)\b")
_READ_IT = (
    "must hold no secret, encrypted or not, since all who may see the pool see it: replace it, then let the start task "
    "read it by the nodes' identity at run time, from Key Vault or Blob"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A stack: what Azure is asked for, and who may use it."""

    location: str = setting(
        "The region.", matching(r"[a-z][a-z0-9]+", "must be an Azure region such as westeurope"), lands="location"
    )
    pools: Mapping[str, PoolSettings] = table("The pools by key.", PoolSettings, POOL_KEY, lands="batch:Pool")
    name_prefix: str = setting("The start of all names.", PREFIX, "batch", lands="the resources' names")
    tags: Mapping[str, str] = setting("Tags of all resources that take some.", STRINGS, {}, lands="tags")
    environment_file: str = setting(
        "A file of variables for `python -m jobs`, where the stack is not on Azure.",
        matching(r".+", "must be the path of a file"),
        "",
        lands="the output `environmentFile`",
    )
    deployer_principal_type: str = setting(
        "What Entra calls whoever deploys; a pipeline is a ServicePrincipal.",
        one_of("User", "Group", "ServicePrincipal"),
        "User",
        lands="principalType of the deployer's role assignment",
    )
    public_access: PublicAccess = nested("Who is let in from the internet.", PublicAccess, PublicAccess())
    account: AccountSettings = nested(
        "The Batch account.", AccountSettings, AccountSettings(), lands="batch:BatchAccount"
    )
    storage: StorageSettings = nested(
        "The storage account.", StorageSettings, StorageSettings(), lands="storage:StorageAccount"
    )
    network: NetworkSettings | None = nested(
        "A virtual network for nodes and private endpoints.", NetworkSettings, lands="network:VirtualNetwork"
    )
    key_vault: VaultSettings | None = nested(
        "A key vault, for customer-managed keys and user-subscription pools.", VaultSettings, lands="keyvault:Vault"
    )
    submitters: Mapping[str, Submitter] = table(
        "Who may submit jobs, beside the deployer.", Submitter, KEY, {}, lands="authorization:RoleAssignment"
    )
    pipelines: Mapping[str, PipelineSettings] = table(
        "Pipelines that sign in without a secret.",
        PipelineSettings,
        KEY,
        {},
        lands="managedidentity:FederatedIdentityCredential",
    )
    packages: Mapping[str, PackageSettings] = table(
        "Application packages by name: programs of this repository that pools have unpacked on their nodes.",
        PackageSettings,
        KEY,
        {},
        lands="batch:Application",
    )
    monitoring: MonitoringSettings | None = nested(
        "Logs, alerts, and who hears of them.", MonitoringSettings, lands="operationalinsights:Workspace"
    )
    webhooks: Mapping[str, str] = setting(
        "Addresses that alerts are posted to, by name. They are secrets: whoever has one can post to it.",
        WEBHOOKS,
        {},
        lands="webhookReceivers of monitor:ActionGroup",
        secret=True,
    )
    budget: BudgetSettings | None = nested(
        "A budget of the resource group.", BudgetSettings, lands="consumption:Budget"
    )

    @property
    def private_network(self) -> NetworkSettings | None:
        """The network, if it has private endpoints."""
        return self.network if self.network is not None and self.network.private_endpoints else None

    def conflicts_of_access(self) -> Iterator[Problem]:
        """Nodes reach their account through the internet or through private endpoints."""
        if self.public_access.allow != ANYONE and self.private_network is None:
            rule = f"needs network.privateEndpoints, or else no node reaches its account and its files; or {ANYONE!r}"
            yield Problem("publicAccess.allow", self.public_access.allow, rule)

    def conflicts_of_submitters(self) -> Iterator[Problem]:
        """The names of their role assignments begin with their own."""
        for key in self.submitters:
            if key == "nodes" or key.startswith("pipeline-"):
                rule = "must have another name: the role assignments of nodes and pipelines are called so"
                yield Problem(f"submitters.{key}", None, rule)

    def conflicts_of_webhooks(self) -> Iterator[Problem]:
        """Something has to call them."""
        if self.webhooks and self.monitoring is None:
            yield Problem("webhooks", None, "needs monitoring, whose alerts it tells")

    def conflicts_of_machines(self) -> Iterator[Problem]:
        """Machines have tags where they are the subscription's own."""
        for key, pool in self.pools.items():
            if pool.resource_tags and self.account.pool_allocation_mode != USER_SUBSCRIPTION:
                rule = f"needs account.poolAllocationMode {USER_SUBSCRIPTION}: else the machines are Batch's own"
                yield Problem(f"pools.{key}.resourceTags", None, rule)

    def conflicts_of_addresses(self) -> Iterator[Problem]:
        """Every node in the stack's network has an address there."""
        most = sum(pool.most for pool in self.pools.values() if not pool.network_configuration)
        if self.network is not None and most > self.network.nodes:
            rule = f"has addresses for {self.network.nodes} nodes, and the pools may have {most}"
            yield Problem("network.poolSubnet", self.network.pool_subnet, rule)

    def conflicts_of_packages(self) -> Iterator[Problem]:
        """Pools name packages of the stack, within the limits of Batch."""
        known = ", ".join(sorted(self.packages)) or "there is none"
        for key, pool in self.pools.items():
            for name in pool.packages:
                if name not in self.packages:
                    yield Problem(f"pools.{key}.packages", name, f"must be one of the stack's packages: {known}")
            if len(pool.packages) + len(pool.application_packages) > MOST_OF_A_POOL:
                rule = f"a pool has at most {MOST_OF_A_POOL} application packages"
                yield Problem(f"pools.{key}.packages", None, rule)
        if len(self.packages) > MOST_OF_AN_ACCOUNT:
            rule = f"an account has at most {MOST_OF_AN_ACCOUNT} packages, and here are {len(self.packages)}"
            yield Problem("packages", None, rule)
        if self.packages and self.public_access.allow != ANYONE:
            rule = f"do not work with a storage account behind a firewall; publicAccess.allow has to be {ANYONE!r}"
            yield Problem("packages", None, rule)

    def conflicts_of_vault(self) -> Iterator[Problem]:
        """Keys and secrets need a vault, and Batch its role there."""
        own = self.account.pool_allocation_mode == USER_SUBSCRIPTION
        if self.key_vault is None:
            if self.account.customer_managed_key:
                yield Problem("account.customerManagedKey", True, "needs keyVault, which holds the key")
            if own:
                yield Problem(
                    "account.poolAllocationMode", USER_SUBSCRIPTION, "needs keyVault, where Batch keeps secrets"
                )
        elif own and self.key_vault.batch_service_object_id is None:
            rule = f"is missing; with {USER_SUBSCRIPTION} the Batch service keeps secrets in the vault"
            yield Problem("keyVault.batchServiceObjectId", None, rule)


def load() -> Settings:
    """The configuration of the running stack. Raises SettingsError."""
    project = pulumi.get_project()
    found = {**engine_config.get_config_env(), **engine_config.CONFIG.get()}
    prefix = f"{project}:"
    own = {key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)}
    secret = [key for key in own if engine_config.is_config_secret(prefix + key)]
    return parse(project, own, secret, preflight.checks(preflight.today()), (packing.problems,))


Check = Callable[[PoolSettings], Iterable[Problem]]
CheckPackage = Callable[[PackageSettings], Iterable[Problem]]


def parse(
    project: str,
    values: Mapping[str, Any],
    secret: Collection[str] = (),
    checks: Sequence[Check] = (),
    package_checks: Sequence[CheckPackage] = (),
) -> Settings:
    """Settings from configuration values as the engine gives them (strings; structured ones as JSON).

    The checks tell what else is wrong with a pool or package, each as far as the settings that it reads keep to their
    rules. Raises SettingsError naming every key, value and rule that is wrong, without the values of `secret` keys.
    """
    read = {key: _decoded(value) if key in _STRUCTURED else value for key, value in values.items()}
    where = f"{project}:"
    problems = [*records.problems(Settings, read, where), *_in_plain_text(read, secret, where)]
    problems += _checked(PoolSettings, read.get("pools"), checks, f"{where}pools.")
    problems += _checked(PackageSettings, read.get("packages"), package_checks, f"{where}packages.")
    hidden = tuple(f"{project}:{key}" for key in (*secret, *_SECRETS))
    shown = (
        replace(one, value=None) if one.key.startswith(hidden) or _is_secret(one.value) else one for one in problems
    )
    refuse(f"Configuration of the project {project}", shown)
    return records.record(Settings, read)


def _checked(
    kind: type[Any], table: Any, checks: Sequence[Callable[[Any], Iterable[Problem]]], where: str
) -> Iterator[Problem]:
    """What the checks say of the entries of a table, as far as they keep to the rules."""
    for key, values in table.items() if isinstance(table, dict) else ():
        if isinstance(values, dict):
            whole = not records.problems(kind, values, "")
            settings = records.record(kind, values) if whole else records.partly(kind, values)
            yield from records.asked([partial(check, settings) for check in checks], f"{where}{key}.", whole=whole)


_STRUCTURED = {
    records.key_of(item)
    for item in fields(Settings)
    if "record" in item.metadata or item.metadata["rule"].schema.get("type") == "object"
}
_SECRETS = tuple(records.key_of(item) for item in fields(Settings) if item.metadata.get("secret"))


def _decoded(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _in_plain_text(values: Mapping[str, Any], secret: Collection[str], where: str) -> Iterator[Problem]:
    """Secrets that stand in the stack file as they are, and may be in its history; those of start tasks in any case."""
    for key, value in values.items():
        found = [f"{where}{key}"] if key in _SECRETS else _secrets(value, f"{where}{key}")
        for path in found:
            if _OF_A_START_TASK.search(path):
                yield Problem(path, None, _READ_IT)
            elif key not in secret:
                yield Problem(path, None, "must be encrypted: replace it, then `pulumi config set --secret`")


def _secrets(value: Any, where: str) -> Iterator[str]:
    """The paths of passwords and keys among inputs of ARM, and of texts that look like secrets, at any depth."""
    if _is_secret(value):
        yield where
    for index, item in enumerate(value) if isinstance(value, list) else ():
        yield from _secrets(item, f"{where}[{index}]")
    for key, item in value.items() if isinstance(value, dict) else ():
        yield from [f"{where}.{key}"] if key in SECRET else _secrets(item, f"{where}.{key}")


def _is_secret(value: object) -> bool:
    return isinstance(value, str) and _SECRET.search(value) is not None
