"""The deployment: reads the stack's configuration, composes the components, exports what `python -m jobs` needs."""

import pulumi
from pulumi_azure_native.authorization import get_client_config

from components import config, naming
from components.access import Access, AccessArgs, Submitters, SubmittersArgs, principals
from components.account import Account, AccountArgs
from components.budget import Budget, BudgetArgs
from components.grants import Granting, Principal
from components.group import Group
from components.identity import Identities
from components.key_vault import KeyVault, KeyVaultArgs
from components.monitoring import Monitoring, MonitoringArgs
from components.network import Network, NetworkArgs
from components.optional import configured, present
from components.outputs import stack_outputs
from components.pipeline import Pipeline, PipelineArgs, submitting
from components.place import Place
from components.pool import Pool, PoolArgs
from components.private_endpoint import PrivateEndpoints, PrivateEndpointsArgs, batch_targets, vault_targets
from components.start_task import StartTaskFiles, read_files, start_task
from components.storage import START_TASKS, Storage, StorageArgs

settings = config.load()
files = read_files(path for one in settings.pools.values() for path in (one.start_task, one.requirements))
client = get_client_config()
names = naming.names(settings.name_prefix, pulumi.get_project(), pulumi.get_stack(), client.subscription_id)
stem, public = names.stem, settings.public_access
where = Granting(client.subscription_id, names.resource_group)

group = Group("group", group_name=names.resource_group, location=settings.location, tags=settings.tags)
place = Place(group.name, settings.location, settings.tags)
network = configured(settings.network, lambda one: Network("network", NetworkArgs(place, stem, one)))
storage = Storage("storage", StorageArgs(place, names.storage_account, access=public, settings=settings.storage))
identities = Identities("identity", place=place, batch_name=names.batch_identity, nodes_name=names.node_identity)
nodes = identities.nodes
deployer = Principal(client.object_id, settings.deployer_principal_type)
access = Access("access", AccessArgs(where, storage, identities, deployer))
vault = configured(
    settings.key_vault,
    lambda one: KeyVault(
        "key-vault",
        KeyVaultArgs(
            place=place,
            where=where,
            vault_name=names.batch_account,
            tenant=client.tenant_id,
            key_user=identities.batch,
            access=public,
            settings=one,
        ),
    ),
)
account = Account(
    "account",
    AccountArgs(
        place=place,
        account_name=names.batch_account,
        storage_account_id=storage.account_id,
        identities=identities,
        access=public,
        settings=settings.account,
        private_nodes=settings.private_network is not None,
        vault=configured(vault, lambda made: made.reference),
    ),
    pulumi.ResourceOptions(depends_on=present(access, vault)),
)
targets = {**batch_targets(account.id, storage.account_id), **vault_targets(vault)}
endpoints = configured(
    configured(settings.private_network, lambda _: network),
    lambda made: PrivateEndpoints("endpoints", PrivateEndpointsArgs(place, stem, made, targets)),
)
ready = pulumi.ResourceOptions(depends_on=present(access, endpoints))
container_url = pulumi.Output.concat(storage.blob_endpoint, "/", START_TASKS)
scripts = StartTaskFiles("start-task", files=files, container_url=container_url, opts=ready)
pipelines = {key: Pipeline(key, PipelineArgs(place, stem, where, one)) for key, one in settings.pipelines.items()}
submitters = {**principals(settings.submitters), **submitting(pipelines, settings.pipelines)}
Submitters("submitters", SubmittersArgs(where, account.id, storage, submitters))
configured(
    settings.monitoring,
    lambda one: Monitoring(
        "monitoring",
        MonitoringArgs(
            place=place,
            stem=stem,
            account=account,
            storage_id=storage.account_id,
            vault_id=configured(vault, lambda made: made.id),
            account_settings=settings.account,
            settings=one,
            webhooks=settings.webhooks,
        ),
    ),
)
configured(settings.budget, lambda one: Budget("budget", BudgetArgs(group.id, stem, one)))


def pool(key: str, chosen: config.PoolSettings) -> Pool:
    """One pool of the configuration."""
    task = start_task(files[chosen.start_task], files[chosen.requirements], scripts.urls, nodes.resource_id)
    args = PoolArgs(place, account.name, chosen, nodes, task, configured(network, lambda made: made.pool_subnet))
    return Pool(key, args, pulumi.ResourceOptions(depends_on=present(scripts, access, endpoints)))


pools = {key: pool(key, chosen) for key, chosen in settings.pools.items()}
configured(network, lambda made: pulumi.export("publicIp", made.public_ip))
outputs = stack_outputs(settings, names, client.subscription_id, account, storage, nodes, pools, pipelines)
for name, value in outputs.items():
    pulumi.export(name, value)
