"""`batchite quota` against a real server."""

import json

import pytest
from azure.core.exceptions import ResourceExistsError
from servers import job, pool, server

pytestmark = pytest.mark.ours

NONE = {"dedicatedCoreQuota": None, "lowPriorityCoreQuota": None, "poolQuota": None}


def test_quotas_of_the_built_in_account_are_set_and_kept() -> None:
    """It has none at the start; those that are set hold after a kill, and clients are held to them."""
    with server() as running:
        shown = running.cli("quota", "batchite")
        expected = {"account": "batchite", **NONE, "activeJobAndJobScheduleQuota": None}
        assert json.loads(shown.stdout) == expected, shown.stderr
        assert running.cli("quota", "BATCHITE", "--jobs", "1", "--spot-cores", "8").returncode == 0
        running.kill()
        running.start()
        kept = json.loads(running.cli("quota", "batchite").stdout)
        assert kept == {**expected, "activeJobAndJobScheduleQuota": 1, "lowPriorityCoreQuota": 8}
        client = running.client()
        client.create_pool(pool("pool"))
        client.create_job(job("a", "pool"))
        with pytest.raises(ResourceExistsError, match="ActiveJobAndScheduleQuotaReached"):
            client.create_job(job("b", "pool"))
        missing = running.cli("quota", "other", "--jobs", "1")
        assert (missing.returncode, "does not exist" in missing.stderr) == (1, True)
        wrong = running.cli("quota", "batchite", "--jobs", "-1")
        assert (wrong.returncode, "a whole number from 0" in wrong.stderr) == (2, True)
