"""What is left after `pulumi destroy` and `batchite stop`: nothing."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.e2e.azure_clients import Clients
from tests.e2e.checkout import Checkout, processes_of

pytestmark = pytest.mark.ours


def test_destroy_leaves_nothing(local: Checkout, azure: Clients) -> None:
    """No resource group, no Batch account, no blob, no node and no process of one is left."""
    groups = f"/subscriptions/{local.outputs['subscriptionId']}/resourcegroups"
    assert azure.arm_get(groups, "2021-04-01")["value"] != []
    local.pulumi("destroy", "--yes", "--skip-preview")
    assert azure.arm_get(groups, "2021-04-01")["value"] == []
    with pytest.raises(ResourceNotFoundError):
        azure.batch.get_pool(local.pool["id"])
    with pytest.raises(HttpResponseError):
        azure.names("input", "")
    assert list((local.data / "nodes").rglob("wd")) == []
    assert processes_of(local.data / "nodes") == {}
    assert '"resources"' not in local.pulumi("stack", "export").stdout


def test_stop_leaves_no_process(local: Checkout) -> None:
    """Server, provider and blob store end with `batchite stop`."""
    assert processes_of(local.data) != {}
    local.batchite("stop")
    assert processes_of(local.data) == {}
