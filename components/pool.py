"""An autoscaled pool of dedicated and Spot nodes.

Does not own the account, the identity of its nodes, the start task's files, nor the jobs that run on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_azure_native as azure

from batchite.autoscale import builders
from components import naming
from components.config import PoolSettings
from components.identity import Identity
from components.network import PoolSubnet
from components.place import Place, name_of
from components.validation import broken, refuse

UBUNTU = {"publisher": "canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"}
NODE_AGENT = "batch.node.ubuntu 24.04"
COMMUNICATION = azure.batch.NodeCommunicationMode.SIMPLIFIED

REPLACED = (
    "vmSize",
    "deploymentConfiguration",
    "networkConfiguration",
    "identity",
    "mountConfiguration",
    "interNodeCommunication",
    "taskSlotsPerNode",
    "taskSchedulingPolicy",
    "userAccounts",
    "targetNodeCommunicationMode",
    "upgradePolicy",
)
"""What ARM refuses to change in place (PropertyCannotBeUpdated). The provider would try."""


@dataclass(frozen=True, slots=True)
class PoolArgs:
    """Where the pool is, its settings, as whom its nodes act, what they run before they take tasks, their subnet."""

    place: Place
    account_name: pulumi.Input[str]
    settings: PoolSettings
    identity: Identity
    start_task: azure.batch.StartTaskArgs
    subnet: PoolSubnet | None = None


class Pool(pulumi.ComponentResource):
    """A pool, named after its key and its generation (see naming). Raises SettingsError for a wrong key."""

    id: pulumi.Output[str]
    settings: PoolSettings

    def __init__(self, key: str, args: PoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(f"Pool {key}", broken({"key": naming.POOL_KEY}, {"key": key}))
        super().__init__("azure-batch:components:Pool", key, {"key": key}, opts)
        pool_id = naming.pool_id(key, fixed(args.settings, args.identity.name, args.subnet))
        self.id = name_of(_pool(key, pool_id, args, self), pool_id)
        self.settings = args.settings
        self.register_outputs({"id": self.id})


def formula(settings: PoolSettings) -> str:
    """The autoscale formula: as many nodes as pending tasks need, within the limits, none when idle."""
    return builders.pending_tasks(
        max_dedicated=settings.max_dedicated,
        max_spot=settings.max_spot,
        min_dedicated=settings.min_dedicated,
        min_spot=settings.min_spot,
        task_slots_per_node=settings.task_slots_per_node,
        deallocation=settings.deallocation,
    )


def fixed(settings: PoolSettings, identity_name: str, subnet: PoolSubnet | None = None) -> Mapping[str, Any]:
    """What can't change during the life of a pool: the generation in its id is made of this."""
    return {
        **({"subnet": subnet.name} if subnet else {}),
        "vmSize": settings.vm_size.lower(),
        "image": UBUNTU,
        "nodeAgent": NODE_AGENT,
        "taskSlotsPerNode": settings.task_slots_per_node,
        "communication": COMMUNICATION.value,
        "identity": identity_name,
    }


def _pool(key: str, pool_id: str, args: PoolArgs, parent: pulumi.Resource) -> azure.batch.Pool:
    return azure.batch.Pool(
        key,
        pool_name=pool_id,
        account_name=args.account_name,
        resource_group_name=args.place.resource_group,
        vm_size=args.settings.vm_size,
        deployment_configuration=_machine(),
        scale_settings=_scale(args.settings),
        start_task=args.start_task,
        identity=azure.batch.BatchPoolIdentityArgs(
            type=azure.batch.PoolIdentityType.USER_ASSIGNED, user_assigned_identities=[args.identity.resource_id]
        ),
        network_configuration=_network(args.subnet) if args.subnet else None,
        inter_node_communication=azure.batch.InterNodeCommunicationState.DISABLED,
        task_slots_per_node=args.settings.task_slots_per_node,
        target_node_communication_mode=COMMUNICATION,
        tags=args.place.tags,
        # The generation in the name lets the new pool be there before the old one goes.
        opts=pulumi.ResourceOptions(parent=parent, replace_on_changes=list(REPLACED), delete_before_replace=False),
    )


def _network(subnet: PoolSubnet) -> azure.batch.NetworkConfigurationArgs:
    """Nodes in the subnet, without addresses of their own: they leave by the subnet's gateway, or not at all."""
    return azure.batch.NetworkConfigurationArgs(
        subnet_id=subnet.resource_id,
        public_ip_address_configuration=azure.batch.PublicIPAddressConfigurationArgs(
            provision=azure.batch.IPAddressProvisioningType.NO_PUBLIC_IP_ADDRESSES
        ),
    )


def _machine() -> azure.batch.DeploymentConfigurationArgs:
    return azure.batch.DeploymentConfigurationArgs(
        virtual_machine_configuration=azure.batch.VirtualMachineConfigurationArgs(
            image_reference=azure.batch.ImageReferenceArgs(**UBUNTU), node_agent_sku_id=NODE_AGENT
        )
    )


def _scale(settings: PoolSettings) -> azure.batch.ScaleSettingsArgs:
    return azure.batch.ScaleSettingsArgs(
        auto_scale=azure.batch.AutoScaleSettingsArgs(
            formula=formula(settings), evaluation_interval=settings.evaluation_interval
        )
    )
