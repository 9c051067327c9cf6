import csv
from pathlib import Path

import pytest

from batchite.batch.sizes import vcpus

pytestmark = pytest.mark.documented  # components/data/README.md says where the sizes are from

SIZES = Path(__file__).parents[2] / "components" / "data" / "vm-sizes.csv"


def test_batchite_reads_from_the_name_what_the_data_say() -> None:
    """The vCPUs that count against a quota are those of every size that a pool can choose."""
    with SIZES.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 300
    assert [row["vm_size"] for row in rows if vcpus(row["vm_size"]) != int(row["vcpus"])] == []
