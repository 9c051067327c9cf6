"""The deployment: reads the stack's configuration, composes the components, exports what `python -m jobs` needs."""

import pulumi
from pulumi_azure_native.authorization import get_client_config

from components import config, naming
from components.access import Access, AccessArgs, Submitters, SubmittersArgs, principals
from components.budget import Budget, BudgetArgs
from components.grants import Granting, Principal
from components.group import Group
from components.identity import Identities
from components.network import Network, NetworkArgs
from components.optional import configured, present
from components.outputs import package_outputs, stack_outputs
from components.package import versions_of
from components.pipeline import Pipeline, PipelineArgs, submitting
from components.place import Place
from components.start_task import files_of, read_files
from components.storage import Storage, StorageArgs
from components.wiring import Wiring

settings = config.load()
files = read_files(files_of(settings.pools.values()))
versions = versions_of(settings.packages)
client = get_client_config()
names = naming.names(settings.name_prefix, pulumi.get_project(), pulumi.get_stack(), client.subscription_id)
stem, public = names.stem, settings.public_access
where = Granting(client.subscription_id, names.resource_group)

group = Group("group", group_name=names.resource_group, location=settings.location, tags=settings.tags)
place = Place(group.name, settings.location, settings.tags)
network = configured(settings.network, lambda one: Network("network", NetworkArgs(place, stem, one)))
storage = Storage("storage", StorageArgs(place, names.storage_account, access=public, settings=settings.storage))
identities = Identities("identity", place=place, batch_name=names.batch_identity, nodes_name=names.node_identity)
deployer = Principal(client.object_id, settings.deployer_principal_type)
access = Access("access", AccessArgs(where, storage, identities, deployer))

wiring = Wiring(settings, names, client, where, place, storage, identities, access, network)
vault = wiring.key_vault()
account = wiring.account(vault)
endpoints = wiring.endpoints(account, vault)
scripts = wiring.scripts(files, endpoints)
packages = wiring.packages(account, versions)
pools = wiring.pools(account, files, scripts, packages, endpoints)
monitoring = wiring.monitoring(account, vault)

pipelines = {key: Pipeline(key, PipelineArgs(place, stem, where, one)) for key, one in settings.pipelines.items()}
submitters = {**principals(settings.submitters), **submitting(pipelines, settings.pipelines)}
admitted = Submitters("submitters", SubmittersArgs(where, account.id, storage, submitters))
account.lock(present(*pools.values(), *packages.values(), monitoring, endpoints, admitted))
configured(settings.budget, lambda one: Budget("budget", BudgetArgs(group.id, stem, one)))

configured(network, lambda made: pulumi.export("publicIp", made.public_ip))
outputs = stack_outputs(settings, names, client.subscription_id, account, storage, identities.nodes, pools, pipelines)
for name, value in {**outputs, **package_outputs(packages)}.items():
    pulumi.export(name, value)
