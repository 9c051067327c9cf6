"""The supported images: what is listed is supported today, and ends when Batch has said."""

from datetime import UTC, datetime

import pytest
from batch.harness import Account

CHECKED = datetime(2026, 11, 25, tzinfo=UTC)
ANNOUNCED = {
    ("0001-com-ubuntu-server-jammy", "22_04-lts"): "2027-06-30T00:00:00Z",
    ("0001-com-ubuntu-server-jammy", "22_04-lts-gen2"): "2027-06-30T00:00:00Z",
    ("ubuntu-hpc", "2204"): "2027-06-30T00:00:00Z",
    ("windowsserver", "2016-datacenter"): "2027-01-12T00:00:00Z",
    ("windowsserver", "2016-datacenter-g2"): "2027-01-12T00:00:00Z",
}
"""Source: Azure/Batch issues 197 and 200."""
ENDED = ("centos", "debian 10", "ubuntu 18.04", "ubuntu 20.04", "mariner", "2012-")
"""Source: Azure/Batch issues 119, 169, 174, 179, 180, 188."""


@pytest.mark.documented
def test_images_end_when_batch_has_announced(account: Account) -> None:
    """Each listed image has the announced end of support or none, and none has ended by the day of the last look."""
    images = account.get("/supportedimages").json["value"]
    ends = {
        (image["imageReference"]["offer"], image["imageReference"]["sku"]): image["batchSupportEndOfLife"]
        for image in images
        if "batchSupportEndOfLife" in image
    }
    assert ends == ANNOUNCED
    assert all(datetime.fromisoformat(end) > CHECKED for end in ends.values())
    named = [f"{image['nodeAgentSKUId']} {image['imageReference']['sku']}" for image in images]
    assert not [name for name in named if any(old in name for old in ENDED)]
