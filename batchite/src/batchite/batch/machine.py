"""The rules of a pool's virtual machines and their network: image, disks, security, upgrades, endpoints.

All of it is kept and given back; but for extensions and containers, a pretend node has none of it.
Source: REST reference 2025-06-01.
"""

from __future__ import annotations

from collections.abc import Mapping

from batchite.batch.extensions import EXTENSIONS
from batchite.batch.rules import Check, boolean, choice, integer, listing, record, secret, text
from batchite.http.types import Json

RESOURCE_GROUP = r"(?i)/subscriptions/[^/]+/resourceGroups/[^/]+/providers/"
SUBNET_ID = text(
    pattern=RESOURCE_GROUP + r"Microsoft\.(Classic)?Network/virtualNetworks/[^/]+/subnets/[^/]+",
    form="the ARM id of a subnet, /subscriptions/…/virtualNetworks/<name>/subnets/<name>",
)
_CACHING = choice("none", "readonly", "readwrite")
_ENCRYPTION = choice("DiskWithVMGuestState", "NonPersistedTPM", "VMGuestStateOnly")
_ENDPOINT = record(optional={"inVMAccessControlProfileReferenceId": text(1), "mode": choice("Audit", "Enforce")})
_ID = record({"id": text(1)})
_MANAGED_DISK = record(
    optional={
        "diskEncryptionSet": _ID,
        "storageAccountType": choice("standard_lrs", "premium_lrs", "standardssd_lrs"),
        "securityProfile": record(optional={"securityEncryptionType": _ENCRYPTION}),
    }
)
_DATA_DISK = record(
    {"lun": integer(0, 63), "diskSizeGB": integer(1)}, {"caching": _CACHING, "managedDisk": _MANAGED_DISK}
)
_DISK_KEY = record(
    optional={
        "identityReference": record({"resourceId": text(1)}),
        "keyUrl": text(1),
        "rotationToLatestKeyVersionEnabled": boolean,
    }
)
_IMAGE = record(
    optional={
        "publisher": text(1),
        "offer": text(1),
        "sku": text(1),
        "version": text(1),
        "virtualMachineImageId": text(1),
        "exactVersion": text(),
        "sharedGalleryImageId": text(1),
        "communityGalleryImageId": text(1),
    }
)
_OS_DISK = record(
    optional={
        "caching": _CACHING,
        "diskSizeGB": integer(1),
        "ephemeralOSDiskSettings": record(optional={"placement": choice("cachedisk")}),
        "managedDisk": _MANAGED_DISK,
        "writeAcceleratorEnabled": boolean,
    }
)
_SECURITY = record(
    optional={
        "encryptionAtHost": boolean,
        "proxyAgentSettings": record(optional={"enabled": boolean, "imds": _ENDPOINT, "wireServer": _ENDPOINT}),
        "securityType": choice("trustedLaunch", "confidentialvm"),
        "uefiSettings": record(optional={"secureBootEnabled": boolean, "vTpmEnabled": boolean}),
    }
)
IMAGE_NAME = text(1, None, r"[^-\s]\S*", "the name of an image: no white space, no leading hyphen")
"""ours: a name that an engine's command line cannot take for an option."""
CONTAINER_REGISTRY: Check = record(
    optional={
        "username": text(1),
        "password": secret,
        "registryServer": text(1),
        "identityReference": record({"resourceId": text(1)}),
    }
)
VIRTUAL_MACHINE: Check = record(
    {"imageReference": _IMAGE, "nodeAgentSKUId": text(1)},
    {
        "windowsConfiguration": record(optional={"enableAutomaticUpdates": boolean}),
        "licenseType": choice("Windows_Server", "Windows_Client"),
        "diskEncryptionConfiguration": record(
            optional={"customerManagedKey": _DISK_KEY, "targets": listing(choice("osdisk", "temporarydisk"))}
        ),
        "nodePlacementConfiguration": record(optional={"policy": choice("regional", "zonal")}),
        "osDisk": _OS_DISK,
        "securityProfile": _SECURITY,
        "dataDisks": listing(_DATA_DISK),
        "serviceArtifactReference": _ID,
        "containerConfiguration": record(
            {"type": choice("dockerCompatible", "criCompatible")},
            {"containerImageNames": listing(IMAGE_NAME), "containerRegistries": listing(CONTAINER_REGISTRY)},
        ),
        "extensions": EXTENSIONS,
    },
)

_PORT = integer(1, 65534)
_RULE = record(
    {"priority": integer(150, 4096), "access": choice("allow", "deny"), "sourceAddressPrefix": text(1)},
    {"sourcePortRanges": listing(text(1))},
)
_ENDPOINT_NAME = "letters, digits, _, . and -; a letter or digit first, and none of . and - last"
_NAT_POOL = record(
    {
        "name": text(1, 77, r"[A-Za-z0-9]([\w.-]*\w)?", _ENDPOINT_NAME),
        "protocol": choice("tcp", "udp"),
        "backendPort": integer(1, 65535),
        "frontendPortRangeStart": _PORT,
        "frontendPortRangeEnd": _PORT,
    },
    {"networkSecurityGroupRules": listing(_RULE)},
)
_ADDRESSES = record(
    optional={
        "provision": choice("batchmanaged", "usermanaged", "nopublicipaddresses"),
        "ipAddressIds": listing(text(1)),
        "ipFamilies": listing(choice("IPv4", "IPv6")),
        "ipTags": listing(record(optional={"ipTagType": text(), "tag": text()})),
    }
)
NETWORK: Check = record(
    optional={
        "dynamicVNetAssignmentScope": choice("none", "job"),
        "enableAcceleratedNetworking": boolean,
        "subnetId": text(1),
        "endpointConfiguration": record({"inboundNATPools": listing(_NAT_POOL, 5)}),
        "publicIPAddressConfiguration": _ADDRESSES,
    }
)

_PERCENT = integer(0, 100)
UPGRADE_POLICY: Check = record(
    {"mode": choice("automatic", "manual", "rolling")},
    {
        "automaticOSUpgradePolicy": record(
            optional=dict.fromkeys(
                (
                    "disableAutomaticRollback",
                    "enableAutomaticOSUpgrade",
                    "osRollingUpgradeDeferral",
                    "useRollingUpgradePolicy",
                ),
                boolean,
            )
        ),
        "rollingUpgradePolicy": record(
            optional={
                "enableCrossZoneUpgrade": boolean,
                "maxBatchInstancePercent": integer(5, 100),
                "maxUnhealthyInstancePercent": integer(5, 100),
                "maxUnhealthyUpgradedInstancePercent": _PERCENT,
                "pauseTimeBetweenBatches": text(1),
                "prioritizeUnhealthyInstances": boolean,
                "rollbackFailedInstancesOnPolicyBreach": boolean,
            }
        ),
    },
)


_DISK = {"caching": "none", "storageAccountType": "standard_lrs"}


def shown(machine: Mapping[str, Json]) -> dict[str, Json]:
    """The virtual machines of a pool with the defaults that recorded answers show."""
    image = machine["imageReference"]
    found = {**machine, "imageReference": {"version": "latest", **image} if "publisher" in image else image}
    if "dataDisks" in machine:
        found["dataDisks"] = [_DISK | disk for disk in machine["dataDisks"]]
    return found
