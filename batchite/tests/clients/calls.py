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
