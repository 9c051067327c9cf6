"""What tests of the unmodified client share."""

from typing import Any

from azure.batch import BatchClient, models
from azure.core.exceptions import HttpResponseError
from batch.harness import wait_until


def pool_options(**more: Any) -> models.BatchPoolCreateOptions:
    """The smallest pool."""
    image = models.BatchVmImageReference(publisher="canonical", offer="ubuntu-24_04-lts", sku="server")
    machine = models.VirtualMachineConfiguration(image_reference=image, node_agent_sku_id="batch.node.ubuntu 24.04")
    options: models.BatchPoolCreateOptions = models.BatchPoolCreateOptions(
        vm_size="standard_d2s_v5", virtual_machine_configuration=machine, **{"id": "Pool", **more}
    )
    return options


def code_of(error: HttpResponseError) -> str | None:
    """The service's code of an error."""
    assert error.error is not None
    return error.error.code


def finish(client: BatchClient, task: str) -> models.BatchTask:
    """The task, completed."""
    found: models.BatchTask = wait_until(
        lambda: (seen := client.get_task("Job", task)).state == "completed" and seen, f"{task} is completed"
    )
    return found
