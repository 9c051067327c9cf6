"""A program with a resource of every type that surrounds a Batch account, in two editions that differ everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_azure_native as azure
from arm.worlds import SUBSCRIPTION, TENANT
from provider.monitored import Monitored

ROLE_NAME = "22222222-2222-4222-8222-222222222222"
READER = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
SECRET = "hidden-value"
FIXED = {"assignment", "group", "group-lock", "key", "locked", "zone-group"}
"""Resources that are the same in both editions: a key can't be changed, the others have nothing to change."""


@dataclass(frozen=True)
class Landscape(Monitored):
    """The program; `address_version` and `endpoint_subnet` are values whose change replaces something."""

    address_version: str = "IPv4"
    endpoint_subnet: str = "pools"

    def __call__(self) -> None:
        """Make all resources and export their ids by logical name."""
        group = azure.resources.ResourceGroup("group", opts=self.take("group"))
        place = {"resource_group_name": group.name}
        store = self.store(place)
        identity = azure.managedidentity.UserAssignedIdentity("identity", **self.of("identity", place))
        account = self.account(place, store, identity)
        vault = self.vault(place)
        network = list(self.network(place))
        made = [
            group,
            store,
            identity,
            account,
            vault,
            *network,
            *self.links(place, account, network),
            *self.items(place, vault),
        ]
        made += [
            *self.blobs(place, store),
            self.pool(place, account, identity),
            *self.packages(place, account),
            *self.monitoring(place, account),
            *self.governance(place, group, store, identity),
        ]
        pulumi.export("ids", {resource._name: resource.id for resource in made})
        pulumi.export("endpoint", account.account_endpoint)
        pulumi.export("client", azure.authorization.get_client_config_output().object_id)

    def store(self, place: Mapping[str, Any]) -> azure.storage.StorageAccount:
        """A storage account."""
        sku = azure.storage.SkuArgs(name="Standard_LRS")
        return azure.storage.StorageAccount("store", kind="StorageV2", sku=sku, **self.of("store", place))

    def account(self, place: Mapping[str, Any], store: Any, identity: Any) -> azure.batch.BatchAccount:
        """A Batch account that keeps its packages in the storage account."""
        return azure.batch.BatchAccount(
            "account",
            auto_storage=azure.batch.AutoStorageBasePropertiesArgs(storage_account_id=store.id),
            allowed_authentication_modes=["AAD"],
            identity=azure.batch.BatchAccountIdentityArgs(type="UserAssigned", user_assigned_identities=[identity.id]),
            **self.of("account", place),
        )

    def blobs(self, place: Mapping[str, Any], store: azure.storage.StorageAccount) -> Iterator[pulumi.CustomResource]:
        """A container, and how long deleted blobs are kept."""
        inside = {**place, "account_name": store.name}
        label = {"edition": str(self.edition)}
        yield azure.storage.BlobContainer("container", metadata=label, opts=self.take("container"), **inside)
        kept = azure.storage.DeleteRetentionPolicyArgs(enabled=True, days=self.either(7, 14))
        yield azure.storage.BlobServiceProperties(
            "service",
            blob_services_name="default",
            delete_retention_policy=kept,
            opts=self.take("service"),
            **inside,
        )

    def pool(self, place: Mapping[str, Any], account: azure.batch.BatchAccount, identity: Any) -> azure.batch.Pool:
        """A pool without nodes."""
        image = azure.batch.ImageReferenceArgs(publisher="canonical", offer="ubuntu-24_04-lts", sku="server")
        machine = azure.batch.VirtualMachineConfigurationArgs(
            image_reference=image, node_agent_sku_id="batch.node.ubuntu 24.04"
        )
        scale = azure.batch.AutoScaleSettingsArgs(formula=f"$TargetDedicatedNodes = 0 * {self.edition};")
        return azure.batch.Pool(
            "pool",
            account_name=account.name,
            vm_size="standard_d2s_v3",
            deployment_configuration=azure.batch.DeploymentConfigurationArgs(virtual_machine_configuration=machine),
            scale_settings=azure.batch.ScaleSettingsArgs(auto_scale=scale),
            start_task=azure.batch.StartTaskArgs(command_line="/bin/true", wait_for_success=True),
            identity=azure.batch.BatchPoolIdentityArgs(type="UserAssigned", user_assigned_identities=[identity.id]),
            opts=self.take("pool"),
            **place,
        )

    def network(self, place: Mapping[str, Any]) -> Iterator[Any]:
        """A network with two subnets and what belongs to them."""
        address = azure.network.PublicIPAddress(
            "address",
            sku=azure.network.PublicIPAddressSkuArgs(name="Standard", tier="Regional"),
            public_ip_allocation_method="Static",
            public_ip_address_version=self.address_version,
            **self.of("address", place),
        )
        gateway = azure.network.NatGateway(
            "gateway",
            sku=azure.network.NatGatewaySkuArgs(name="Standard"),
            idle_timeout_in_minutes=self.either(4, 10),
            public_ip_addresses=[azure.network.SubResourceArgs(id=address.id)],
            **self.of("gateway", place),
        )
        security = azure.network.NetworkSecurityGroup("security", **self.of("security", place))
        rule = azure.network.SecurityRule(
            "rule",
            network_security_group_name=security.name,
            access="Allow",
            direction="Inbound",
            priority=self.either(100, 200),
            protocol="Tcp",
            source_address_prefix="VirtualNetwork",
            source_port_range="*",
            destination_address_prefix="*",
            destination_port_ranges=["80", "443"],
            opts=self.take("rule"),
            **place,
        )
        route = azure.network.RouteArgs(name="out", address_prefix="0.0.0.0/0", next_hop_type="Internet")
        routes = azure.network.RouteTable("routes", routes=[route], **self.of("routes", place))
        space = azure.network.AddressSpaceArgs(address_prefixes=["10.0.0.0/16"])
        network = azure.network.VirtualNetwork("network", address_space=space, **self.of("network", place))
        yield network
        yield from self.subnets(place, network, gateway, security, routes)
        yield from (address, gateway, security, rule, routes)

    def subnets(
        self, place: Mapping[str, Any], network: Any, gateway: Any, security: Any, routes: Any
    ) -> Iterator[Any]:
        """A subnet for pools, with a gateway and a security group, and one with a route table."""
        yield azure.network.Subnet(
            "pools",
            virtual_network_name=network.name,
            address_prefix="10.0.0.0/24",
            nat_gateway=azure.network.SubResourceArgs(id=gateway.id),
            network_security_group=azure.network.NetworkSecurityGroupArgs(id=security.id),
            default_outbound_access=self.either(False, True),
            opts=self.take("pools"),
            **place,
        )
        yield azure.network.Subnet(
            "others",
            virtual_network_name=network.name,
            address_prefix="10.0.1.0/24",
            route_table=azure.network.RouteTableArgs(id=routes.id),
            private_endpoint_network_policies=self.either("Enabled", "Disabled"),
            opts=self.take("others"),
            **place,
        )

    def links(
        self, place: Mapping[str, Any], account: azure.batch.BatchAccount, network: list[Any]
    ) -> Iterator[pulumi.CustomResource]:
        """A private endpoint of the account with its names."""
        subnet = network[1] if self.endpoint_subnet == "pools" else network[2]
        connection = azure.network.PrivateLinkServiceConnectionArgs(
            name="batch", private_link_service_id=account.id, group_ids=["batchAccount"]
        )
        endpoint = azure.network.PrivateEndpoint(
            "endpoint",
            private_endpoint_name="endpoint",
            subnet={"id": subnet.id},  # no `SubnetArgs`: its defaults would count as a change of the subnet
            private_link_service_connections=[connection],
            **self.of("endpoint", place),
        )
        zone, *inside = self.zone(place, network)
        names = azure.network.PrivateDnsZoneGroup(
            "zone-group",
            private_endpoint_name=endpoint.name,
            private_dns_zone_configs=[azure.network.PrivateDnsZoneConfigArgs(name="z", private_dns_zone_id=zone.id)],
            opts=self.take("zone-group"),
            **place,
        )
        yield from (endpoint, zone, *inside, names)

    def zone(self, place: Mapping[str, Any], network: list[Any]) -> Iterator[Any]:
        """A private zone with a link and a record."""
        zone = azure.privatedns.PrivateZone(
            "zone",
            private_zone_name="privatelink.batch.azure.com",
            location="Global",
            **self.of("zone", place),
        )
        yield zone
        yield azure.privatedns.VirtualNetworkLink(
            "link",
            private_zone_name=zone.name,
            location="Global",
            registration_enabled=False,
            virtual_network=azure.privatedns.SubResourceArgs(id=network[0].id),
            **self.of("link", place),
        )
        yield azure.privatedns.PrivateRecordSet(
            "record",
            private_zone_name=zone.name,
            record_type="A",
            ttl=self.either(60, 300),
            a_records=[azure.privatedns.ARecordArgs(ipv4_address="10.0.0.9")],
            opts=self.take("record"),
            **place,
        )

    def vault(self, place: Mapping[str, Any]) -> azure.keyvault.Vault:
        """A key vault."""
        properties = azure.keyvault.VaultPropertiesArgs(
            tenant_id=TENANT,
            sku=azure.keyvault.SkuArgs(family="A", name="standard"),
            enable_rbac_authorization=True,
        )
        return azure.keyvault.Vault("vault", properties=properties, **self.of("vault", place))

    def items(self, place: Mapping[str, Any], vault: azure.keyvault.Vault) -> Iterator[pulumi.CustomResource]:
        """A key and a secret."""
        key = azure.keyvault.KeyPropertiesArgs(kty="RSA", key_size=3072)
        yield azure.keyvault.Key("key", vault_name=vault.name, properties=key, opts=self.take("key"), **place)
        value = azure.keyvault.SecretPropertiesArgs(value=pulumi.Output.secret(SECRET))
        yield azure.keyvault.Secret("secret", vault_name=vault.name, properties=value, **self.of("secret", place))

    def packages(self, place: Mapping[str, Any], account: azure.batch.BatchAccount) -> Iterator[pulumi.CustomResource]:
        """An application with a version."""
        inside = {**place, "account_name": account.name}
        application = azure.batch.Application(
            "application", display_name=self.either("one", "two"), opts=self.take("application"), **inside
        )
        yield application
        yield azure.batch.ApplicationPackage(
            "version", application_name=application.name, version_name="1", **self.of("version", inside)
        )

    def governance(self, place: Mapping[str, Any], group: Any, store: Any, identity: Any) -> Iterator[Any]:
        """Locks of a group of their own, a budget, a role, a registry, trust in a pipeline, a lifecycle of blobs."""
        locked = azure.resources.ResourceGroup("locked", opts=self.take("locked"))
        yield locked
        level, notes = "CanNotDelete", str(self.edition)
        yield azure.authorization.ManagementLockAtResourceGroupLevel(
            "group-lock", resource_group_name=locked.name, level=level, opts=self.take("group-lock")
        )
        yield azure.authorization.ManagementLockByScope(
            "scope-lock", scope=locked.id, level=level, notes=notes, opts=self.take("scope-lock")
        )
        yield azure.consumption.Budget(
            "budget",
            scope=group.id,
            amount=self.either(100, 200),
            category="Cost",
            time_grain="Monthly",
            time_period=azure.consumption.BudgetTimePeriodArgs(
                start_date="2026-12-01T00:00:00Z", end_date="2036-12-01T00:00:00Z"
            ),
            opts=self.take("budget"),
        )
        yield from self.access(place, group, identity)
        sku = azure.containerregistry.SkuArgs(name="Premium")
        yield azure.containerregistry.Registry("registry", sku=sku, **self.of("registry", place))
        yield self.lifecycle(place, store)

    def access(self, place: Mapping[str, Any], group: Any, identity: Any) -> Iterator[Any]:
        """A custom role, a role of the identity, and a pipeline that it trusts."""
        yield azure.authorization.RoleDefinition(
            "role",
            role_definition_id=ROLE_NAME,
            role_name="Landscape reader",
            scope=f"/subscriptions/{SUBSCRIPTION}",
            assignable_scopes=[group.id],
            permissions=[azure.authorization.PermissionArgs(actions=self.either(["*/read"], ["*/read", "*/write"]))],
            opts=self.take("role"),
        )
        yield azure.authorization.RoleAssignment(
            "assignment",
            scope=group.id,
            principal_id=identity.principal_id,
            principal_type="ServicePrincipal",
            role_definition_id=f"/subscriptions/{SUBSCRIPTION}{READER}",
            opts=self.take("assignment"),
        )
        yield azure.managedidentity.FederatedIdentityCredential(
            "trust",
            resource_name_=identity.name,
            issuer="https://token.actions.githubusercontent.com",
            subject=self.either("repo:a/b:environment:one", "repo:a/b:environment:two"),
            audiences=["api://AzureADTokenExchange"],
            opts=self.take("trust"),
            **place,
        )

    def lifecycle(
        self, place: Mapping[str, Any], store: azure.storage.StorageAccount
    ) -> azure.storage.ManagementPolicy:
        """Old blobs are deleted."""
        age = azure.storage.DateAfterModificationArgs(days_after_modification_greater_than=self.either(30, 60))
        action = azure.storage.ManagementPolicyActionArgs(
            base_blob=azure.storage.ManagementPolicyBaseBlobArgs(delete=age)
        )
        rule = azure.storage.ManagementPolicyRuleArgs(
            name="old",
            type="Lifecycle",
            definition=azure.storage.ManagementPolicyDefinitionArgs(
                actions=action, filters=azure.storage.ManagementPolicyFilterArgs(blob_types=["blockBlob"])
            ),
        )
        return azure.storage.ManagementPolicy(
            "lifecycle",
            account_name=store.name,
            management_policy_name="default",
            policy=azure.storage.ManagementPolicySchemaArgs(rules=[rule]),
            opts=self.take("lifecycle"),
            **place,
        )
