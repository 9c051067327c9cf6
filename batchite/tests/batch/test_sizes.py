import pytest

from batchite.batch.sizes import vcpus

pytestmark = pytest.mark.documented  # "Azure virtual machine sizes naming conventions"; sizes of the D and G series


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("STANDARD_D2S_V5", 2),
        ("standard_d96ads_v5", 96),
        ("Standard_E4-2ds_v5", 2),
        ("Standard_F16s_v2", 16),
        ("Standard_HB120rs_v3", 120),
        ("Standard_NC24ads_A100_v4", 24),
        ("Standard_A1_v2", 1),
        ("Standard_D1_v2", 1),
        ("Standard_DS14_v2", 16),
        ("Standard_D3", 4),
        ("Standard_GS5", 32),
        ("Standard_D4_v3", 4),
        ("Standard_D11_v9", 11),
        ("large", 0),
        ("", 0),
    ],
)
def test_vcpus_of_a_size(name: str, expected: int) -> None:
    """From its name; old families count their sizes; a name that tells nothing is 0."""
    assert vcpus(name) == expected
