"""Auto pools of a real server."""

from typing import Any

import pytest
from servers import pool, server, task, wait_until

pytestmark = pytest.mark.ours


def test_an_auto_pool_is_there_after_a_kill_and_goes_with_its_job() -> None:
    """The job and its pool are kept; tasks run in it, and it is gone once the job has completed."""
    with server("--time-scale=1000") as running:
        client = running.client()
        wanted = {name: value for name, value in pool("any", dedicated=1).as_dict().items() if name != "id"}
        specification = {"poolLifetimeOption": "job", "autoPoolIdPrefix": "auto", "pool": wanted}
        options: Any = {"id": "job", "poolInfo": {"autoPoolSpecification": specification}}
        client.create_job(options)
        running.kill()
        running.start()
        client = running.client()
        client.create_task("job", task("t", "echo $AZ_BATCH_POOL_ID"))
        wait_until(lambda: client.get_task("job", "t").state == "completed", "the task has run")
        (made,) = client.list_pools()
        assert b"".join(client.download_task_file("job", "t", "stdout.txt")).decode().strip() == made.id
        reason: Any = {"terminateReason": "done"}
        client.begin_terminate_job("job", reason, polling_interval=0).result()
        wait_until(lambda: not list(client.list_pools()), "the pool is gone")
        running.kill()
        running.start()
        assert not list(running.client().list_pools())
