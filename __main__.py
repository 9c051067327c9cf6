"""The deployment: reads the stack's configuration, composes the components, exports what `python -m jobs` needs."""

import pulumi
from pulumi_azure_native.authorization import get_client_config

from components import config, naming
from components.access import Access, AccessArgs, Principal
from components.account import Account, AccountArgs
from components.group import Group
from components.identity import Identities
from components.outputs import stack_outputs
from components.place import Place
from components.pool import Pool, PoolArgs
from components.start_task import StartTaskFiles, read_files, start_task
from components.storage import START_TASKS, Storage, StorageArgs

settings = config.load()
files = read_files(path for one in settings.pools.values() for path in (one.start_task, one.requirements))
client = get_client_config()
names = naming.names(settings.name_prefix, pulumi.get_project(), pulumi.get_stack(), client.subscription_id)

group = Group("group", group_name=names.resource_group, location=settings.location, tags=settings.tags)
place = Place(group.name, settings.location, settings.tags)
storage = Storage("storage", StorageArgs(place, names.storage_account))
identities = Identities("identity", place=place, batch_name=names.batch_identity, nodes_name=names.node_identity)
nodes = identities.nodes
deployer = Principal(client.object_id, settings.deployer_principal_type)
access = Access("access", AccessArgs(client.subscription_id, names.resource_group, storage, identities, deployer))
after_access = pulumi.ResourceOptions(depends_on=[access])
account_args = AccountArgs(place, names.batch_account, storage.account_id, identities, settings.public_network_access)
account = Account("account", account_args, after_access)
container_url = pulumi.Output.concat(storage.blob_endpoint, "/", START_TASKS)
scripts = StartTaskFiles("start-task", files=files, container_url=container_url, opts=after_access)


def pool(key: str, chosen: config.PoolSettings) -> Pool:
    """One pool of the configuration."""
    task = start_task(files[chosen.start_task], files[chosen.requirements], scripts.urls, nodes.resource_id)
    args = PoolArgs(place, account.name, chosen, nodes, task)
    return Pool(key, args, pulumi.ResourceOptions(depends_on=[scripts, access]))


pools = {key: pool(key, chosen) for key, chosen in settings.pools.items()}
for name, value in stack_outputs(settings, names, client.subscription_id, account, storage, nodes, pools).items():
    pulumi.export(name, value)
