"""What a pool may be configured to be: plain values, each with its rule; what is rare in ARM's own shape and names.

Every input of azure-native's Pool is reached from a field here, or from the arguments of the component (docs/pools.md).

Does not own what settings lead to: that is in pool_inputs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from components import arm_inputs
from components.images import IMAGES, is_windows
from components.naming import KEY
from components.records import native, nested, setting
from components.sizes import SizeWish
from components.start_task_settings import FILE, STRINGS, StartTaskSettings
from components.validation import Problem, Rule, each, matching, one_of, whole

MAX_NODES = 10_000
_ID = matching(r"/subscriptions/[^/]+/.+", "must be a resource id, /subscriptions/…")
_TEXT = matching(r".+", "must be a text")
_LENGTH = {"type": "string", "pattern": "^PT([0-9]+H)?([0-9]+M)?$"}


def _minutes(text: object) -> int | None:
    match = re.fullmatch(r"PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?", text) if isinstance(text, str) else None
    return None if match is None else 60 * int(match[1] or 0) + int(match[2] or 0)


_INTERVAL = Rule(
    "must be an ISO 8601 duration of hours and minutes from PT5M to PT168H",
    lambda value: 5 <= (_minutes(value) or 0) <= 168 * 60,
    _LENGTH,
)
_TIMEOUT = Rule(
    "must be an ISO 8601 duration of hours and minutes of at least PT5M",
    lambda value: (_minutes(value) or 0) >= 5,
    _LENGTH,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedScale:
    """A pool of a fixed number of nodes: it costs what they cost, whether there is work or not."""

    dedicated: int = setting("The dedicated nodes.", whole(0, MAX_NODES), 0)
    spot: int = setting("The Spot nodes.", whole(0, MAX_NODES), 0)
    resize_timeout: str = setting("How long Azure tries to get them.", _TIMEOUT, "PT15M")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """One pool. Nodes are counted; slots are tasks that run at once on a node.

    The nodes of a pool follow a formula between `min…` and `max…`, or one of your own (`formulaFile`), or are `fixed`.
    What each setting becomes, and what its change does to a pool that is there: [pools.md](pools.md).
    """

    vm_size: str = setting(
        "The size of its nodes.", matching(r"(?i)(standard|basic)_\w+", "must be a VM size such as standard_d2s_v3"), ""
    )
    size: SizeWish | None = nested("Or what its nodes need: the cheapest size that has it is taken.", SizeWish)
    image: str = setting("The operating system of its nodes.", one_of(*IMAGES), "ubuntu-24.04")
    image_reference: Mapping[str, str] | None = native("Or any other image.", "ImageReferenceArgs")
    node_agent_sku_id: str = setting("The node agent of that image.", _TEXT, "")
    max_dedicated: int = setting("The most dedicated nodes.", whole(0, MAX_NODES), 0)
    max_spot: int = setting("The most Spot nodes.", whole(0, MAX_NODES), 0)
    min_dedicated: int = setting("The dedicated nodes kept when idle.", whole(0, MAX_NODES), 0)
    min_spot: int = setting("The Spot nodes kept when idle.", whole(0, MAX_NODES), 0)
    evaluation_interval: str = setting("How often the formula is evaluated.", _INTERVAL, "PT5M")
    deallocation: str = setting(
        "What happens to tasks on a node that goes.", one_of("taskcompletion", "requeue", "terminate"), "taskcompletion"
    )
    formula_file: str = setting("A file with an autoscale formula of your own, instead of `min…` and `max…`.", FILE, "")
    fixed: FixedScale | None = nested(
        "A fixed number of nodes, instead of a formula.", FixedScale, lands="scaleSettings.fixedScale"
    )
    task_slots_per_node: int = setting("The tasks that run at once on a node.", whole(1, 256), 1)
    node_fill_type: str = setting(
        "Whether tasks spread over the nodes or fill one.", one_of("Spread", "Pack"), "Spread"
    )
    start_task: StartTaskSettings = nested(
        "What a node does before it takes tasks.", StartTaskSettings, StartTaskSettings(), lands="startTask"
    )
    packages: tuple[str, ...] = setting("Packages of the stack that every node gets, by name.", each(KEY), ())
    generation: str = setting(
        "Any text; another one makes the pool anew (with the latest image, say).", _TEXT, "", lands="poolName"
    )
    drain_minutes: int = setting(
        "When a pool is replaced: how long the old one's running tasks may take before the deployment stops and says "
        "so; 0 cuts them. As deployed with the pool that goes.",
        whole(0, 10_080),
        60,
        lands="the resource `Draining`",
    )
    display_name: str = setting(
        "A name for people.", matching(r".{1,1024}", "must be a text of at most 1024 characters"), ""
    )
    metadata: Mapping[str, str] = setting("Pairs that mean something to you.", STRINGS, {})
    tags: Mapping[str, str] = setting("Tags of the pool, beside those of the stack.", STRINGS, {})
    resource_tags: Mapping[str, str] = setting("Tags of its machines, in a user subscription.", STRINGS, {})
    identities: tuple[str, ...] = setting("More identities of its nodes, by resource id.", each(_ID), ())
    network_configuration: Mapping[str, object] | None = native(
        "Subnet, addresses and ports, where the stack's network is not used.", "NetworkConfigurationArgs"
    )
    target_node_communication_mode: str = setting(
        "How nodes and service find each other; Classic has ended.", one_of("Simplified", "Default"), "Simplified"
    )
    inter_node_communication: str = setting(
        "Whether tasks may talk to other nodes (MPI).", one_of("Disabled", "Enabled"), "Disabled"
    )
    mount_configuration: tuple[Mapping[str, object], ...] = native(
        "Blob containers (as the nodes' identity, unless keys are given), NFS, Azure Files, CIFS.",
        "MountConfigurationArgs",
        many=True,
    )
    container_configuration: Mapping[str, object] | None = native(
        "Images that are pulled, and registries (as the nodes' identity, unless passwords are given).",
        "ContainerConfigurationArgs",
    )
    user_accounts: tuple[Mapping[str, object], ...] = native("Users made on its nodes.", "UserAccountArgs", many=True)
    application_packages: tuple[Mapping[str, object], ...] = native(
        "Packages that others deploy.", "ApplicationPackageReferenceArgs", many=True
    )
    data_disks: tuple[Mapping[str, object], ...] = native("Further disks.", "DataDiskArgs", many=True)
    os_disk: Mapping[str, object] | None = native("The disk of the system.", "OSDiskArgs")
    disk_encryption_configuration: Mapping[str, object] | None = native(
        "Disk encryption by the guest; prefer securityProfile.encryptionAtHost.", "DiskEncryptionConfigurationArgs"
    )
    security_profile: Mapping[str, object] | None = native(
        "Encryption at host, trusted launch, confidential machines.", "SecurityProfileArgs"
    )
    node_placement_configuration: Mapping[str, object] | None = native("Zones.", "NodePlacementConfigurationArgs")
    extensions: tuple[Mapping[str, object], ...] = native("Extensions of its machines.", "VMExtensionArgs", many=True)
    windows_configuration: Mapping[str, object] | None = native("Updates of Windows.", "WindowsConfigurationArgs")
    license_type: str = setting("A licence you have already.", one_of("Windows_Server", "Windows_Client"), "")
    service_artifact_reference: Mapping[str, object] | None = native(
        "A service artifact, with upgradePolicy.", "ServiceArtifactReferenceArgs"
    )
    upgrade_policy: Mapping[str, object] | None = native("How its machines are upgraded.", "UpgradePolicyArgs")
    application_licenses: tuple[str, ...] = setting("Retired on 2024-02-29: Azure refuses it.", each(_TEXT), ())
    certificates: tuple[Mapping[str, object], ...] = native(
        "Retired on 2024-02-29: Azure refuses it; use the Key Vault extension.", "CertificateReferenceArgs", many=True
    )

    @property
    def most(self) -> int:
        """The most nodes it may have by its settings; 0 when a formula of its own decides."""
        return self.fixed.dedicated + self.fixed.spot if self.fixed else self.max_dedicated + self.max_spot

    @property
    def node_agent(self) -> str:
        """The node agent of its image."""
        return self.node_agent_sku_id if self.image_reference else IMAGES[self.image].node_agent

    @property
    def windows(self) -> bool:
        """Whether its nodes run Windows."""
        return is_windows(self.node_agent)

    def conflicts_of_scripts(self) -> Iterator[Problem]:
        """Each system runs its own kind."""
        wanted = ".ps1" if self.windows else ".sh"
        for index, one in enumerate(self.start_task.steps(windows=self.windows)):
            if not one.script.endswith(wanted):
                rule = f"must end in {wanted} on {self.node_agent}"
                yield Problem(f"startTask.scripts[{index}].script", one.script, rule)

    def conflicts_of_users(self) -> Iterator[Problem]:
        """The start task runs as somebody who is there."""
        names = [account.get("name") for account in self.user_accounts]
        if self.start_task.user_name and self.start_task.user_name not in names:
            yield Problem("startTask.userName", self.start_task.user_name, "must be one of userAccounts")

    def conflicts_of_mounts(self) -> Iterator[Problem]:
        """Each mounts one thing, at a place of its own."""
        places: list[object] = []
        for index, mount in enumerate(self.mount_configuration):
            where = f"mountConfiguration[{index}]"
            if len(mount) != 1:
                rule = "must have one, and only one, of " + ", ".join(arm_inputs.names("MountConfigurationArgs"))
                yield Problem(where, ", ".join(mount) or None, rule)
            for kind, inputs in mount.items():
                place = inputs.get("relativeMountPath") if isinstance(inputs, Mapping) else None
                if isinstance(place, str) and place in places:
                    rule = "must be another one: something is mounted there already"
                    yield Problem(f"{where}.{kind}.relativeMountPath", place, rule)
                places.append(place)

    def conflicts_of_disks(self) -> Iterator[Problem]:
        """Each has a number of its own."""
        luns = [disk.get("lun") for disk in self.data_disks]
        for index, lun in enumerate(luns):
            if type(lun) is int and lun in luns[:index]:
                yield Problem(f"dataDisks[{index}].lun", lun, "must be another one: a disk has it already")

    def conflicts_of_kinds(self) -> Iterator[Problem]:
        """Nodes that talk to each other are all dedicated, or all Spot."""
        both = self.fixed.dedicated and self.fixed.spot if self.fixed else self.max_dedicated and self.max_spot
        if self.inter_node_communication == "Enabled" and both:
            rule = "needs nodes of one kind: Batch lets dedicated and Spot nodes not talk to each other"
            yield Problem("interNodeCommunication", "Enabled", rule)

    def conflicts_of_size(self) -> Iterator[Problem]:
        """A size is named or looked for."""
        if bool(self.vm_size) == (self.size is not None):
            yield Problem("vmSize", self.vm_size or None, "must be given, or else size: one of the two")

    def conflicts_of_image(self) -> Iterator[Problem]:
        """An image of one's own needs to be told its agent; only Windows has its settings."""
        if bool(self.image_reference) != bool(self.node_agent_sku_id):
            rule = "must be given with imageReference, and only then"
            yield Problem("nodeAgentSkuId", self.node_agent_sku_id or None, rule)
        if self.windows_configuration and not self.windows:
            yield Problem("windowsConfiguration", None, f"must not be given for {self.node_agent}")

    def conflicts_of_dedicated(self) -> Iterator[Problem]:
        """The least is at most the most."""
        if self.min_dedicated > self.max_dedicated:
            yield Problem(
                "minDedicated", self.min_dedicated, f"must be at most maxDedicated, which is {self.max_dedicated}"
            )

    def conflicts_of_spot(self) -> Iterator[Problem]:
        """The same of Spot nodes."""
        if self.min_spot > self.max_spot:
            yield Problem("minSpot", self.min_spot, f"must be at most maxSpot, which is {self.max_spot}")

    def conflicts_of_scale(self) -> Iterator[Problem]:
        """One way to scale, which leaves the pool a node."""
        chosen = [bool(self.max_dedicated + self.max_spot), bool(self.formula_file), self.fixed is not None]
        if not any(chosen):
            rule = "must leave the pool a node, dedicated or Spot; or give fixed or formulaFile"
            yield Problem("maxDedicated", 0, rule)
        elif sum(chosen) > 1:
            yield Problem("fixed", None, "must be the only one of maxDedicated with maxSpot, formulaFile, and fixed")
