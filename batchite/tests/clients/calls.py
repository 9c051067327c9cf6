"""One row for each operation of the data plane: how three clients call it, and what proves that it works.

A row has a success (status, the model the answer is parsed into), a failure (the code) and a state effect: for an
operation that changes something what a later read shows, for a read that it shows what a change before it has made.
`{pool}` and the like are facts of what is there before (`clients.given`). Bodies are in the words of the wire; all
clients take such dicts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clients.batch_session import VM

POOL: Mapping[str, Any] = {"vmSize": "standard_d2s_v5", "virtualMachineConfiguration": VM}
ON_SHARED: Mapping[str, Any] = {"poolInfo": {"poolId": "shared"}}
ON_EMPTY: Mapping[str, Any] = {"poolInfo": {"poolId": "empty"}}
NONE = "none"
BAD_FILTER = {"filter": "wrong filter"}
BAD_QUERY = "InvalidQueryParameterValue"
NO_POOL, NO_NODE, NO_JOB, NO_TASK = "PoolNotFound", "NodeNotFound", "JobNotFound", "TaskNotFound"
NO_SCHEDULE, NO_FILE = "JobScheduleNotFound", "FileNotFound"


@dataclass(frozen=True)
class Call:
    """How an operation is called, and its three cases. `old` is the classic client's name for it, empty for none."""

    name: str
    old: str
    given: str
    args: tuple[Any, ...] = ()
    wrong: tuple[Any, ...] = ()  # arguments that fail
    code: str | None = None  # with this code; None where the client does not read the answer's body
    kind: str = "NoneType"  # the model of the new client, or one of two
    old_kind: str = ""  # the model of the classic client, where its name is another
    shows: Any = None  # what the result holds
    effect: tuple[str, Any] | None = None  # a path, and what a GET of it shows afterwards; None: that it is gone
    elsewhere: str = ""  # the test that shows an effect which no answer shows
    old_args: tuple[Any, ...] | None = None  # where the classic client takes other arguments
    waits: bool = True  # for the end of a long operation
    options: Mapping[str, Any] = field(default_factory=dict)  # of the failing call, in words of the new client

    @property
    def complete(self) -> bool:
        """Whether it has all three cases."""
        return self.failing and (self.shows is not None or self.effect is not None or bool(self.elsewhere))

    @property
    def failing(self) -> bool:
        """Whether it has a failure."""
        return bool(self.wrong or self.options)


POOLS = (
    Call(
        "create_pool",
        "pool.add",
        "pool",
        args=({"id": "{new}", **POOL},),
        effect=("/pools/{new}", {"state": "active", "taskSlotsPerNode": 1}),
        wrong=({"id": "{pool}", **POOL},),
        code="PoolExists",
    ),
    Call(
        "list_pools",
        "pool.list",
        "pool",
        kind="[BatchPool]",
        old_kind="[CloudPool]",
        shows=[{"id": "{pool}", "state": "active"}],
        options=BAD_FILTER,
        code=BAD_QUERY,
    ),
    Call(
        "get_pool",
        "pool.get",
        "pool",
        args=("{pool}",),
        kind="BatchPool",
        old_kind="CloudPool",
        shows={"id": "{pool}", "metadata": [{"name": "of", "value": "given"}]},
        wrong=(NONE,),
        code=NO_POOL,
    ),
    Call("pool_exists", "pool.exists", "pool", args=("{pool}",), kind="bool", shows=True, wrong=(NONE,)),
    Call(
        "delete_pool",
        "pool.delete",
        "pool",
        args=("{pool}",),
        effect=("/pools/{pool}", None),
        wrong=(NONE,),
        code=NO_POOL,
    ),
    Call(
        "update_pool",
        "pool.patch",
        "pool",
        args=("{pool}", {"startTask": {"commandLine": "/bin/true"}}),
        effect=("/pools/{pool}", {"startTask": {"commandLine": "/bin/true"}, "metadata": [{"name": "of"}]}),
        wrong=(NONE, {"metadata": []}),
        code=NO_POOL,
    ),
    Call(
        "replace_pool_properties",
        "pool.update_properties",
        "pool",
        args=("{pool}", {"applicationPackageReferences": [], "certificateReferences": [], "metadata": []}),
        effect=("/pools/{pool}", {"metadata": "absent"}),
        wrong=(NONE, {"applicationPackageReferences": [], "certificateReferences": [], "metadata": []}),
        code=NO_POOL,
    ),
    Call(
        "enable_pool_auto_scale",
        "pool.enable_auto_scale",
        "pool",
        args=("{pool}", {"autoScaleFormula": "$TargetDedicatedNodes=0;"}),
        old_args=("{pool}", "$TargetDedicatedNodes=0;"),
        effect=("/pools/{pool}", {"enableAutoScale": True, "autoScaleFormula": "$TargetDedicatedNodes=0;"}),
        wrong=("{pool}", {"autoScaleFormula": "$x = ;"}),
        code="AutoScalingFormulaSyntaxError",
    ),
    Call(
        "disable_pool_auto_scale",
        "pool.disable_auto_scale",
        "scaled pool",
        args=("{pool}",),
        effect=("/pools/{pool}", {"enableAutoScale": False}),
        wrong=(NONE,),
        code=NO_POOL,
    ),
    Call(
        "evaluate_pool_auto_scale",
        "pool.evaluate_auto_scale",
        "scaled pool",
        args=("{pool}", {"autoScaleFormula": "$TargetDedicatedNodes=3;"}),
        old_args=("{pool}", "$TargetDedicatedNodes=3;"),
        kind="AutoScaleRun",
        shows={"results": r"~\$TargetDedicatedNodes=3;.*"},
        wrong=(NONE, {"autoScaleFormula": "$TargetDedicatedNodes=3;"}),
        code=NO_POOL,
    ),
    Call(
        "resize_pool",
        "pool.resize",
        "pool",
        args=("{pool}", {"targetLowPriorityNodes": 1}),
        effect=("/pools/{pool}", {"currentLowPriorityNodes": 1, "allocationState": "steady"}),
        wrong=(NONE, {"targetDedicatedNodes": 1}),
        code=NO_POOL,
    ),
    Call(
        "stop_pool_resize",
        "pool.stop_resize",
        "draining pool",
        args=("{pool}",),
        effect=("/pools/{pool}", {"allocationState": "stopping", "resizeErrors": [{"code": "ResizeStopped"}]}),
        waits=False,
        wrong=("empty",),
        code="OperationInvalidForCurrentState",
    ),
    Call(
        "remove_nodes",
        "pool.remove_nodes",
        "node",
        args=("{pool}", {"nodeList": ["{node}"]}),
        effect=("/pools/{pool}", {"currentDedicatedNodes": 0, "targetDedicatedNodes": 0}),
        wrong=("{pool}", {"nodeList": [NONE]}),
        code=NO_NODE,
    ),
    Call(
        "list_pool_node_counts",
        "account.list_pool_node_counts",
        "node",
        kind="[BatchPoolNodeCounts]",
        old_kind="[PoolNodeCounts]",
        shows=[{"poolId": "{pool}", "dedicated": {"idle": 1, "total": 1}}],
        options=BAD_FILTER,
        code=BAD_QUERY,
    ),
    Call(
        "list_supported_images",
        "account.list_supported_images",
        "nothing",
        kind="[BatchSupportedImage]",
        old_kind="[ImageInformation]",
        shows=[{"nodeAgentSKUId": "batch.node.ubuntu 24.04", "osType": "linux", "verificationType": "verified"}],
        options=BAD_FILTER,
        code=BAD_QUERY,
    ),
    Call(
        "list_pool_usage_metrics",
        "pool.list_usage_metrics",
        "used pool",
        kind="[] or [BatchPoolUsageMetrics]",  # of the last half-hour that has metrics
        old_kind="[] or [PoolUsageMetrics]",
        effect=(
            "/poolusagemetrics?startTime={early}&endtime={late}&$filter=poolId%20eq%20'{pool}'",
            {"value": [{"poolId": "{pool}", "vmSize": "standard_d2s_v5"}]},
        ),
        options=BAD_FILTER,
        code=BAD_QUERY,
    ),
)

NODES = (
    Call(
        "list_nodes",
        "compute_node.list",
        "node",
        args=("{pool}",),
        kind="[BatchNode]",
        old_kind="[ComputeNode]",
        shows=[{"id": "{node}", "state": "idle"}],
        wrong=(NONE,),
        code=NO_POOL,
    ),
    Call(
        "get_node",
        "compute_node.get",
        "offline node",
        args=("{pool}", "{node}"),
        kind="BatchNode",
        old_kind="ComputeNode",
        shows={"id": "{node}", "state": "offline", "schedulingState": "disabled"},
        wrong=("{pool}", NONE),
        code=NO_NODE,
    ),
    Call(
        "disable_node_scheduling",
        "compute_node.disable_scheduling",
        "node",
        args=("{pool}", "{node}", {"nodeDisableSchedulingOption": "terminate"}),
        old_args=("{pool}", "{node}", "terminate"),
        effect=("/pools/{pool}/nodes/{node}", {"state": "offline"}),
        wrong=("{pool}", NONE, {"nodeDisableSchedulingOption": "terminate"}),
        code=NO_NODE,
    ),
    Call(
        "enable_node_scheduling",
        "compute_node.enable_scheduling",
        "offline node",
        args=("{pool}", "{node}"),
        effect=("/pools/{pool}/nodes/{node}", {"state": "idle", "schedulingState": "enabled"}),
        wrong=("{pool}", NONE),
        code=NO_NODE,
    ),
    Call(
        "reboot_node",
        "compute_node.reboot",
        "node",
        args=("{pool}", "{node}", {"nodeRebootOption": "terminate"}),
        old_args=("{pool}", "{node}", "terminate"),
        effect=("/pools/{pool}/nodes/{node}", {"state": "idle", "lastBootTime": "~(?!{booted}).*"}),
        wrong=("{pool}", NONE, {"nodeRebootOption": "terminate"}),
        code=NO_NODE,
    ),
    Call(
        "reimage_node",
        "compute_node.reimage",
        "fresh node",
        args=("{pool}", "{node}", {"nodeReimageOption": "terminate"}),
        old_args=("{pool}", "{node}", "terminate"),
        effect=("/pools/{pool}/nodes/{node}", {"state": "idle", "lastBootTime": "~(?!{booted}).*"}),
        wrong=("{pool}", NONE, {"nodeReimageOption": "terminate"}),
        code=NO_NODE,
    ),
    Call(
        "deallocate_node",
        "",
        "node",
        args=("{pool}", "{node}", {"nodeDeallocateOption": "terminate"}),
        effect=("/pools/{pool}/nodes/{node}", {"state": "deallocated"}),
        wrong=("{pool}", NONE, {"nodeDeallocateOption": "terminate"}),
        code=NO_NODE,
    ),
    Call(
        "start_node",
        "",
        "deallocated node",
        args=("{pool}", "{node}"),
        effect=("/pools/{pool}/nodes/{node}", {"state": "idle"}),
        wrong=("{pool}", NONE),
        code=NO_NODE,
    ),
    Call(
        "create_node_user",
        "compute_node.add_user",
        "node with a user",
        args=("{pool}", "{node}", {"name": "bob", "password": "Of-This-Test-1"}),
        effect=("/pools/{pool}/nodes/{node}/users/bob", 200),
        wrong=("{pool}", "{node}", {"name": "ann", "password": "Of-This-Test-1"}),
        code="NodeUserExists",
    ),
    Call(
        "replace_node_user",
        "compute_node.update_user",
        "node with a user",
        args=("{pool}", "{node}", "ann", {"password": "Of-This-Test-2"}),
        elsewhere="batch/test_node_users.py::test_a_replacement_leaves_nothing_as_it_was",
        wrong=("{pool}", "{node}", NONE, {"password": "Of-This-Test-2"}),
        code="NodeUserNotFound",
    ),
    Call(
        "delete_node_user",
        "compute_node.delete_user",
        "node with a user",
        args=("{pool}", "{node}", "ann"),
        effect=("/pools/{pool}/nodes/{node}/users/ann", 404),
        wrong=("{pool}", "{node}", NONE),
        code="NodeUserNotFound",
    ),
    Call(
        "get_node_remote_login_settings",
        "compute_node.get_remote_login_settings",
        "node with a user",
        args=("{pool}", "{node}"),
        kind="BatchNodeRemoteLoginSettings",
        old_kind="ComputeNodeGetRemoteLoginSettingsResult",
        shows={"remoteLoginIPAddress": "127.0.0.1"},
        elsewhere="server/test_logins.py::test_a_command_runs_in_the_nodes_directory_as_the_user_of_tasks",
        wrong=("{pool}", NONE),
        code=NO_NODE,
    ),
    Call(
        "list_node_extensions",
        "compute_node_extension.list",
        "node",
        args=("{pool}", "{node}"),
        kind="[]",
        shows=[],  # pools with extensions are refused
        wrong=("{pool}", NONE),
        code=NO_NODE,
    ),
    Call(
        "list_node_files",
        "file.list_from_compute_node",
        "done",
        args=("shared", "{node}"),
        kind="[BatchNodeFile]",
        old_kind="[NodeFile]",
        shows=[{"name": "workitems", "isDirectory": True}],
        wrong=("shared", NONE),
        code=NO_NODE,
    ),
    Call(
        "get_node_file_properties",
        "file.get_properties_from_compute_node",
        "done",
        args=("shared", "{node}", "workitems/{job}/job-1/t/stdout.txt"),
        kind="BatchFileProperties",
        old_kind="NoneType",
        shows={"contentLength": "6"},
        wrong=("shared", "{node}", "workitems/none"),
    ),
    Call(
        "download_node_file",
        "file.get_from_compute_node",
        "done",
        args=("shared", "{node}", "workitems/{job}/job-1/t/stdout.txt"),
        kind="bytes",
        shows="hello\n",
        wrong=("shared", "{node}", "workitems/none"),
    ),
    Call(
        "delete_node_file",
        "file.delete_from_compute_node",
        "done",
        args=("shared", "{node}", "workitems/{job}/job-1/t/stdout.txt"),
        effect=("/jobs/{job}/tasks/t/files/stdout.txt", None),
        wrong=("shared", "{node}", "workitems/none"),
        code=NO_FILE,
    ),
)

APPLICATIONS = (
    Call(
        "list_applications",
        "application.list",
        "application",
        kind="[BatchApplication]",
        old_kind="[ApplicationSummary]",
        shows=[{"id": "tool", "versions": ["1.0"]}],
        options={"max_results": 0},
        code=BAD_QUERY,
    ),
    Call(
        "get_application",
        "application.get",
        "application",
        args=("tool",),
        kind="BatchApplication",
        old_kind="ApplicationSummary",
        shows={"id": "tool", "versions": ["1.0"]},
        wrong=(NONE,),
        code="ApplicationNotFound",
    ),
)
