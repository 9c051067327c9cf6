"""How the components of a stack hang together: each function makes one part from the settings and the parts before it.

Does not own the parts; the order and the list of them are the program's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native.authorization import GetClientConfigResult

from components.access import Access
from components.account import USER_SUBSCRIPTION, Account, AccountArgs
from components.config import Settings
from components.draining import Draining
from components.grants import Granting
from components.identity import Identities
from components.key_vault import KeyVault, KeyVaultArgs
from components.monitoring import Monitoring, MonitoringArgs
from components.naming import Names
from components.network import Network
from components.optional import configured, present
from components.package import Package, PackageArgs, let_nodes_read
from components.place import Place
from components.pool import Pool, PoolArgs
from components.pool_inputs import Parts
from components.pool_settings import PoolSettings
from components.preflight import read_formula, stale_dates, today
from components.private_endpoint import PrivateEndpoints, PrivateEndpointsArgs, batch_targets, vault_targets
from components.quotas import Demand, shortfalls
from components.start_task import LocalFile, StartTaskFiles, StartTaskParts, start_task
from components.storage import START_TASKS, Storage


@dataclass(frozen=True, slots=True)
class Wiring:
    """What all parts of a stack are made from."""

    settings: Settings
    names: Names
    client: GetClientConfigResult
    where: Granting
    place: Place
    storage: Storage
    identities: Identities
    access: Access
    network: Network | None

    def key_vault(self) -> KeyVault | None:
        """The vault, where one is configured; it has the name of the Batch account."""
        return configured(
            self.settings.key_vault,
            lambda chosen: KeyVault(
                "key-vault",
                KeyVaultArgs(
                    place=self.place,
                    where=self.where,
                    vault_name=self.names.batch_account,
                    tenant=self.client.tenant_id,
                    key_user=self.identities.batch,
                    access=self.settings.public_access,
                    settings=chosen,
                ),
            ),
        )

    def account(self, vault: KeyVault | None) -> Account:
        """The Batch account, after the roles that its identity needs."""
        args = AccountArgs(
            place=self.place,
            account_name=self.names.batch_account,
            storage_account_id=self.storage.account_id,
            identities=self.identities,
            access=self.settings.public_access,
            settings=self.settings.account,
            private_nodes=self.settings.private_network is not None,
            vault=configured(vault, lambda made: made.reference),
        )
        return Account("account", args, pulumi.ResourceOptions(depends_on=present(self.access, vault)))

    def endpoints(self, account: Account, vault: KeyVault | None) -> PrivateEndpoints | None:
        """Private endpoints of all services, where the network is configured to have them."""
        targets = {**batch_targets(account.id, self.storage.account_id), **vault_targets(vault)}
        return configured(
            configured(self.settings.private_network, lambda _: self.network),
            lambda made: PrivateEndpoints(
                "endpoints", PrivateEndpointsArgs(self.place, self.names.stem, made, targets)
            ),
        )

    def scripts(self, files: Mapping[str, LocalFile], endpoints: PrivateEndpoints | None) -> StartTaskFiles:
        """The files of start tasks in Blob storage."""
        container_url = self.storage.url(START_TASKS)
        ready = pulumi.ResourceOptions(depends_on=present(self.access, endpoints))
        return StartTaskFiles("start-task", files=files, container_url=container_url, opts=ready)

    def monitoring(self, account: Account, vault: KeyVault | None) -> Monitoring | None:
        """Logs and alerts, where they are configured."""
        return configured(
            self.settings.monitoring,
            lambda chosen: Monitoring(
                "monitoring",
                MonitoringArgs(
                    place=self.place,
                    stem=self.names.stem,
                    account=account,
                    storage_id=self.storage.account_id,
                    vault_id=configured(vault, lambda made: made.id),
                    account_settings=self.settings.account,
                    settings=chosen,
                    webhooks=self.settings.webhooks,
                ),
            ),
        )

    def packages(self, account: Account, versions: Mapping[str, str]) -> dict[str, Package]:
        """The application packages of the configuration by name, after the roles that uploading needs."""
        after = pulumi.ResourceOptions(depends_on=[self.access])
        return {
            key: Package(key, PackageArgs(self.place, self.where, account.name, chosen, versions[key]), after)
            for key, chosen in self.settings.packages.items()
        }

    def pools(
        self,
        account: Account,
        files: Mapping[str, LocalFile],
        scripts: StartTaskFiles,
        packages: Mapping[str, Package],
        endpoints: PrivateEndpoints | None,
    ) -> dict[str, Pool]:
        """All pools of the configuration by key, after what their start tasks need."""
        for text in stale_dates(today()):
            pulumi.log.warn(text)
        readable = let_nodes_read(packages, self.where, self.storage.account_id, self.identities.nodes)
        after = pulumi.ResourceOptions(depends_on=present(scripts, self.access, endpoints, readable))
        subnet, nodes = configured(self.network, lambda made: made.pool_subnet), self.identities.nodes

        def pool(key: str, chosen: PoolSettings) -> Pool:
            made = StartTaskParts(scripts.urls, nodes, self.storage.url("logs"), self.storage.url("output"))
            task = start_task(chosen.start_task, made, windows=chosen.windows)
            formula = read_formula(chosen.formula_file) if chosen.formula_file else ""
            programs = [packages[name].reference for name in chosen.packages]
            parts = Parts(nodes, self.place.tags, task, subnet, programs, formula)
            return Pool(key, PoolArgs(self.place, account.name, chosen, parts), after)

        made = {key: pool(key, chosen) for key, chosen in self.settings.pools.items()}
        self._drain(account, made)
        self._compare_with_quotas(account, made)
        return made

    def _drain(self, account: Account, pools: Mapping[str, Pool]) -> None:
        """Keep pools that will be replaced until their running tasks have ended."""
        Draining(
            "pools",
            account=account.name,
            endpoint=account.endpoint,
            pools={key: pool.id for key, pool in pools.items()},
            minutes={key: pool.settings.drain_minutes for key, pool in pools.items()},
        )

    def _compare_with_quotas(self, account: Account, pools: Mapping[str, Pool]) -> None:
        """Warn of quotas that are too small, once the account tells them."""
        if self.settings.account.pool_allocation_mode == USER_SUBSCRIPTION:
            return
        demands = [Demand(pool.vm_size, pool.max_dedicated, pool.max_spot) for pool in pools.values()]

        def warn(quotas: Mapping[str, float]) -> None:
            for text in shortfalls(demands, quotas):
                pulumi.log.warn(text)

        pulumi.Output.all(**account.quotas).apply(warn)
