"""What a user does with the data-plane commands of `az batch`, chapter by chapter.

A chapter makes what it needs in the pool `shared`; `{home}` is a folder with the files named in `FILES`. Two commands
fail in azure-cli 2.91 itself, whatever the service answers; their steps say why.
"""

import json
from collections.abc import Mapping
from typing import Any

from clients.azure_cli import Step

VM = {
    "imageReference": {"publisher": "canonical", "offer": "ubuntu-24_04-lts", "sku": "server"},
    "nodeAgentSKUId": "batch.node.ubuntu 24.04",
}
FILES: Mapping[str, Any] = {
    "pool.json": {
        "id": "file",
        "vmSize": "standard_d2s_v5",
        "virtualMachineConfiguration": VM,
        "targetLowPriorityNodes": 0,
        "startTask": {"commandLine": "/bin/true", "waitForSuccess": True},
    },
    "job.json": {
        "id": "prepared",
        "poolInfo": {"poolId": "shared"},
        "jobPreparationTask": {"commandLine": "/bin/true"},
        "jobReleaseTask": {"commandLine": "/bin/true"},
    },
    "task.json": {
        "id": "one",
        "commandLine": "/bin/sh -c 'echo $WORD'",
        "environmentSettings": [{"name": "WORD", "value": "42"}],
    },
    "tasks.json": [
        {"id": "good", "commandLine": "/bin/sh -c 'echo good'"},
        {"id": "bad", "commandLine": "/bin/sh -c 'exit 3'", "constraints": {"maxTaskRetryCount": 0}},
    ],
    "schedule.json": {
        "id": "hourly",
        "schedule": {"recurrenceInterval": "PT1H"},
        "jobSpecification": {"poolInfo": {"poolId": "shared"}},
    },
}
IMAGE = '--image canonical:ubuntu-24_04-lts:server --node-agent-sku-id "batch.node.ubuntu 24.04"'

POOLS = (
    Step(f"batch pool create --id args {IMAGE} --vm-size standard_d2s_v5 --target-dedicated-nodes 1 --metadata a=b"),
    Step("batch pool create --json-file {home}/pool.json"),
    Step("batch pool create --json-file {home}/pool.json", fails="(PoolExists) The specified pool already exists."),
    Step("batch pool list --filter \"startswith(id,'fi')\" --select id state", [{"id": "file", "state": "active"}]),
    Step("batch pool show --pool-id file --expand stats", {"startTask": {"commandLine": "/bin/true"}}),
    Step(
        "batch pool show --pool-id args",
        {
            "allocationState": "steady",
            "targetDedicatedNodes": 1,
            "metadata": [{"name": "a", "value": "b"}],
            "virtualMachineConfiguration": {"nodeAgentSkuId": "batch.node.ubuntu 24.04"},
        },
        until=True,
    ),
    Step("batch pool show --pool-id none", fails="(PoolNotFound) The specified pool does not exist."),
    Step("batch pool resize --pool-id args --target-dedicated-nodes 0 --target-low-priority-nodes 2"),
    Step("batch pool show --pool-id args", {"currentDedicatedNodes": 0, "currentLowPriorityNodes": 2}, until=True),
    Step("batch pool resize --pool-id args --abort", fails="(OperationInvalidForCurrentState)"),
    Step(
        "batch pool node-counts list --filter \"poolId eq 'args'\"",
        [{"poolId": "args", "dedicated": {"total": 0, "upgradingOs": 0}, "lowPriority": {"idle": 2, "total": 2}}],
        until=True,
    ),
    Step("batch pool set --pool-id file --start-task-command-line hostname"),
    Step("batch pool show --pool-id file", {"startTask": {"commandLine": "hostname"}}),
    Step(
        "batch pool reset --pool-id file --start-task-command-line /bin/true --metadata a=b c=d",
        {"startTask": {"commandLine": "/bin/true"}, "metadata": [{"name": "a"}, {"name": "c", "value": "d"}]},
    ),
    Step("batch pool reset --pool-id file", {"startTask": None}),
    Step(
        "batch pool autoscale evaluate --pool-id file --auto-scale-formula '$x='",
        fails="(OperationInvalidForCurrentState)",
    ),
    Step("batch pool autoscale enable --pool-id file --auto-scale-formula '$TargetDedicatedNodes=0;'"),
    Step(
        "batch pool autoscale evaluate --pool-id file --auto-scale-formula '$x='",
        fails="(AutoScalingFormulaSyntaxError)",
    ),
    Step(
        "batch pool autoscale evaluate --pool-id file --auto-scale-formula '$TargetDedicatedNodes=3;'",
        {"results": r"~\$TargetDedicatedNodes=3;.*"},
    ),
    Step("batch pool show --pool-id file", {"enableAutoScale": True, "autoScaleFormula": "$TargetDedicatedNodes=0;"}),
    Step("batch pool autoscale disable --pool-id file"),
    Step("batch pool show --pool-id file --select enableAutoScale", {"enableAutoScale": False}),
    Step("batch pool supported-images list --filter \"osType eq 'linux'\" --query '[0].osType'", "linux"),
    Step("batch pool usage-metrics list", []),
    Step("batch pool delete --pool-id file --yes"),
    Step("batch pool delete --pool-id args --yes"),
    Step("batch pool list --query \"[?id=='file']\"", [], until=True),
)

JOBS = (
    Step("batch job create --id args --pool-id shared --priority 5 --job-max-task-retry-count 1 --metadata a=b"),
    Step("batch job create --json-file {home}/job.json"),
    Step("batch job create --id args --pool-id shared", fails="(JobExists) The specified job already exists."),
    Step("batch job list --filter \"id eq 'args'\" --select id priority", [{"id": "args", "priority": 5}]),
    Step("batch job show --job-id args", {"constraints": {"maxTaskRetryCount": 1}, "state": "active"}),
    Step("batch job show --job-id none", fails="(JobNotFound) The specified job does not exist."),
    Step("batch job set --job-id args --priority -7 --on-all-tasks-complete noaction"),
    Step("batch job show --job-id args", {"priority": -7, "metadata": [{"name": "a", "value": "b"}]}),
    Step("batch job reset --job-id args --pool-id shared --priority 9"),
    Step("batch job show --job-id args", {"priority": 9, "constraints": {"maxTaskRetryCount": 0}}),
    Step("batch job disable --job-id args --disable-tasks requeue"),
    Step("batch job show --job-id args --select state", {"state": "disabled"}, until=True),
    Step("batch job enable --job-id args"),
    Step("batch job show --job-id args --select state", {"state": "active"}, until=True),
    Step("batch job task-counts show --job-id args", {"taskCounts": {"active": 0}, "taskSlotCounts": {"active": 0}}),
    Step("batch job prep-release-status list --job-id args", fails="(JobPreparationTaskNotSpecified)"),
    Step("batch task create --job-id prepared --task-id t --command-line /bin/true", {"id": "t"}),
    Step(
        "batch job prep-release-status list --job-id prepared",
        [{"poolId": "shared", "jobPreparationTaskExecutionInfo": {"state": "completed", "exitCode": 0}}],
        until=True,
    ),
    Step("batch job stop --job-id prepared --terminate-reason enough"),
    Step(
        "batch job show --job-id prepared",
        {"state": "completed", "executionInfo": {"terminateReason": "enough"}},
        until=True,
    ),
    Step("batch job delete --job-id args --yes"),
    Step("batch job delete --job-id prepared --yes"),
    Step("batch job list --query \"[?id=='args' || id=='prepared']\"", [], until=True),
    Step("batch application summary list", []),
    Step("batch application summary show --application-id none", fails="(ApplicationNotFound)"),
)

TASKS = (
    Step("batch job create --id work --pool-id shared"),
    Step("batch task create --job-id work --json-file {home}/task.json", {"id": "one", "requiredSlots": 1}),
    Step(
        "batch task create --job-id work --json-file {home}/tasks.json",
        [{"status": "success", "taskId": "bad"}, {"status": "success", "taskId": "good"}],
    ),
    Step(
        "batch task create --job-id work --task-id files --command-line /bin/true --max-task-retry-count 0 "
        "--resource-files in.txt=http://127.0.0.1:1/none --environment-settings A=1 --retention-time P1D",
        {"resourceFiles": [{"filePath": "in.txt"}], "constraints": {"retentionTime": "P1D"}},
    ),
    Step("batch task create --job-id work --task-id long --command-line '/bin/sleep 600'", {"id": "long"}),
    Step(
        "batch task create --job-id work --task-id long --command-line /bin/true",
        fails="(TaskExists) The specified task already exists.",
    ),
    Step("batch task show --job-id work --task-id one", {"executionInfo": {"result": "success"}}, until=True),
    Step("batch task show --job-id work --task-id none", fails="(TaskNotFound) The specified task does not exist."),
    Step("batch task show --job-id work --task-id bad", {"executionInfo": {"exitCode": 3}}, until=True),
    Step(
        'batch task list --job-id work --filter "executionInfo/exitCode eq 3" --select id', [{"id": "bad"}], until=True
    ),
    Step("batch task subtask list --job-id work --task-id one", []),
    Step("batch task reactivate --job-id work --task-id one", fails="(TaskSucceeded)"),
    Step("batch task reactivate --job-id work --task-id bad"),
    Step("batch task reset --job-id work --task-id long --max-task-retry-count 2"),
    Step("batch task show --job-id work --task-id long", {"constraints": {"maxTaskRetryCount": 2}}),
    Step("batch task stop --job-id work --task-id long"),
    Step(
        "batch task show --job-id work --task-id long",
        {"state": "completed", "executionInfo": {"failureInfo": {"code": "TaskEnded"}}},
        until=True,
    ),
    Step("batch task delete --job-id work --task-id long --yes"),
    Step("batch task list --job-id work --query \"[?id=='long']\"", [], until=True),
    Step("batch job delete --job-id work --yes"),
)

# `file show` gets its answer and then fails in the CLI: its formatter reads the HTTP answer as if it were a document.
SHOWN_BY_NOBODY = "object has no attribute 'items'"
FILE = "--job-id filed --task-id one --file-path stdout.txt"
NODE_FILE = "--pool-id shared --node-id {node} --file-path workitems/filed/job-1/one/stdout.txt"
TASK_AND_NODE_FILES = (
    Step("batch job create --id filed --pool-id shared"),
    Step("batch task create --job-id filed --json-file {home}/task.json", {"id": "one"}),
    Step(
        "batch task show --job-id filed --task-id one",
        {"state": "completed"},
        until=True,
        keeps={"node": "nodeInfo.nodeId"},
    ),
    Step(
        "batch task file list --job-id filed --task-id one --recursive --query '[].name'",
        ["stderr.txt", "stdout.txt", "wd"],
    ),
    Step(f"batch task file show {FILE}", fails=SHOWN_BY_NOBODY),
    Step(f"batch task file download {FILE} --destination {{home}}/whole.txt"),
    Step(f"batch task file download {FILE} --destination {{home}}/part.txt --start-range 1 --end-range 1"),
    Step("batch node file list --pool-id shared --node-id {node} --query \"[?name=='shared'].isDirectory\"", [True]),
    Step(f"batch node file show {NODE_FILE}", fails=SHOWN_BY_NOBODY),
    Step(f"batch node file download {NODE_FILE} --destination {{home}}/node.txt"),
    Step(f"batch node file delete {NODE_FILE} --yes"),
    Step(f"batch task file download {FILE} --destination {{home}}/none.txt", fails="(FileNotFound)"),
    Step("batch task file delete --job-id filed --task-id one --file-path stderr.txt --yes"),
    Step("batch task file list --job-id filed --task-id one --query '[].name'", ["wd"]),
    Step("batch job delete --job-id filed --yes"),
)

NODES = (
    Step(f"batch pool create --id nodes {IMAGE} --vm-size standard_d2s_v5 --target-dedicated-nodes 2"),
    Step(
        "batch node list --pool-id nodes --filter \"state eq 'idle'\"",
        [{"state": "idle", "isDedicated": True}, {"schedulingState": "enabled"}],
        until=True,
        keeps={"node": "0.id"},
    ),
    Step("batch node show --pool-id nodes --node-id {node}", {"affinityId": "~TVM:tvmps_.*", "runningTasksCount": 0}),
    Step("batch node show --pool-id nodes --node-id none", fails="(NodeNotFound)"),
    Step("batch node scheduling disable --pool-id nodes --node-id {node}"),
    Step("batch node show --pool-id nodes --node-id {node} --select state", {"state": "offline"}, until=True),
    # With an option the CLI wraps the document in another one of the same name, which is no option.
    Step(
        "batch node scheduling disable --pool-id nodes --node-id {node} --node-disable-scheduling-option requeue",
        fails="PropertyName: nodeDisableSchedulingOption",
    ),
    Step("batch node scheduling enable --pool-id nodes --node-id {node}"),
    Step("batch node show --pool-id nodes --node-id {node}", {"schedulingState": "enabled", "state": "idle"}),
    Step("batch node user create --pool-id nodes --node-id {node} --name ann --password Of-This-Test-1"),
    Step(
        "batch node user create --pool-id nodes --node-id {node} --name ann --password Of-This-Test-1",
        fails="(NodeUserExists)",
    ),
    Step("batch node user reset --pool-id nodes --node-id {node} --user-name ann --password Of-This-Test-2"),
    Step(
        "batch node remote-login-settings show --pool-id nodes --node-id {node}",
        {"remoteLoginIpAddress": "127.0.0.1"},
    ),
    Step(
        "batch node service-logs upload --pool-id nodes --node-id {node} --container-url https://127.0.0.1/c"
        " --start-time 2026-01-01T00:00:00Z",
        fails="(InvalidPropertyValue)",
    ),
    Step("batch node user delete --pool-id nodes --node-id {node} --user-name ann --yes"),
    Step("batch node reboot --pool-id nodes --node-id {node} --node-reboot-option requeue"),
    Step("batch node show --pool-id nodes --node-id {node}", {"state": "idle"}, until=True),
    Step("batch node delete --pool-id nodes --node-list {node}"),
    Step("batch node list --pool-id nodes --query 'length(@)'", 1, until=True),
    Step("batch pool delete --pool-id nodes --yes"),
)

SCHEDULES = (
    Step("batch job-schedule create --json-file {home}/schedule.json"),
    Step("batch job-schedule create --id args --pool-id shared --recurrence-interval PT2H --priority 4"),
    Step("batch job-schedule create --json-file {home}/schedule.json", fails="(JobScheduleExists)"),
    Step("batch job-schedule list --query '[].id'", ["args", "hourly"]),
    Step("batch job-schedule show --job-schedule-id args", {"jobSpecification": {"priority": 4}, "state": "active"}),
    Step("batch job list --job-schedule-id args --query '[0].id'", "args:job-1", until=True),
    Step("batch job-schedule set --job-schedule-id args --recurrence-interval PT3H"),
    Step(
        "batch job-schedule show --job-schedule-id args",
        {"schedule": {"recurrenceInterval": "~PT0?3H.*"}, "jobSpecification": {"priority": 4}},
    ),
    Step("batch job-schedule reset --job-schedule-id args --pool-id shared --recurrence-interval PT4H"),
    Step("batch job-schedule show --job-schedule-id args", {"jobSpecification": {"priority": 0}}),
    Step("batch job-schedule disable --job-schedule-id args"),
    Step("batch job-schedule show --job-schedule-id args --select state", {"state": "disabled"}),
    Step("batch job-schedule enable --job-schedule-id args"),
    Step("batch job-schedule show --job-schedule-id args --select state", {"state": "active"}),
    Step("batch job-schedule stop --job-schedule-id args"),
    Step("batch job-schedule show --job-schedule-id args --select state", {"state": "completed"}, until=True),
    Step("batch job-schedule delete --job-schedule-id args --yes"),
    Step("batch job-schedule delete --job-schedule-id hourly --yes"),
    Step("batch job-schedule list", [], until=True),
)

CHAPTERS: Mapping[str, tuple[Step, ...]] = {
    "pools": POOLS,
    "jobs": JOBS,
    "tasks": TASKS,
    "files": TASK_AND_NODE_FILES,
    "nodes": NODES,
    "schedules": SCHEDULES,
}
UNBUILT: Mapping[str, str] = {}
"""Commands without a step because Batchite does not have their operation yet."""


def write_files(folder: Any) -> None:
    """The files that steps name."""
    for name, content in FILES.items():
        (folder / name).write_text(json.dumps(content))
