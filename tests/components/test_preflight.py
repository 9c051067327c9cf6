"""Sizes, images and files of pools: what is chosen, what is refused, what is warned of."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import images, preflight, sizes
from components.config import parse
from components.images import IMAGES, end_of_agent
from components.lifetimes import NEAR, STALE, End, judge
from components.pool import warnings
from components.pool_settings import PoolSettings
from components.records import record
from components.sizes import SizeWish, choose, end_of
from components.validation import SettingsError
from tests.components.harness import ROOT

pytestmark = pytest.mark.ours

TODAY = date(2026, 11, 25)
SMALL: dict[str, Any] = {"vmSize": "standard_d2s_v3", "maxDedicated": 1}
BARE: dict[str, Any] = {**SMALL, "startTask": {"scripts": []}}


def settings(**changes: Any) -> PoolSettings:
    """A small pool without a start task, with other settings; None takes one away."""
    values = {key: value for key, value in {**BARE, **changes}.items() if value is not None}
    return record(PoolSettings, values)


def problems(root: Path = Path(), day: date = TODAY, **changes: Any) -> dict[str, str]:
    """What is wrong, rule by key."""
    return {problem.key: problem.rule for problem in preflight.problems(settings(**changes), day, root)}


def test_the_cheapest_size_that_is_enough_is_taken() -> None:
    """At least what is wished, and nothing that has it costs less; sizes on their way out are not chosen."""
    wish = SizeWish(vcpus=8, memory_gib=30, disk_gib=50)
    found = choose(wish, "V2")
    assert (found.vcpus >= 8, found.memory_gib >= 30, found.disk_gib >= 50, found.end) == (True, True, True, None)
    for one in sizes.sizes().values():
        enough = one.vcpus >= 8 and one.memory_gib >= 30 and one.disk_gib >= 50 and "V2" in one.generations
        if enough and one.dedicated_usd is not None and one.end is None:
            assert one.dedicated_usd >= (found.dedicated_usd or 0)


WISHES = st.builds(
    SizeWish,
    vcpus=st.integers(1, 200),
    memory_gib=st.integers(1, 4000),
    disk_gib=st.integers(0, 4000),
    price=st.sampled_from(["dedicated", "spot"]),
)


@given(WISHES, st.sampled_from(["V1", "V2"]))
def test_a_choice_fulfils_its_wish_or_says_that_none_does(wish: SizeWish, generation: str) -> None:
    """Whatever is wished: a size that has it and a price, the same one each time, or a SettingsError."""
    try:
        found = choose(wish, generation)
    except SettingsError as error:
        assert [problem.key for problem in error.problems] == ["size"]  # noqa: PT017 - the other outcome is as good
        return
    assert found == choose(wish, generation)
    assert (found.vcpus >= wish.vcpus, found.memory_gib >= wish.memory_gib) == (True, True)
    assert found.disk_gib >= wish.disk_gib
    assert generation in found.generations
    assert found.price(wish.price) is not None


def test_a_price_that_is_too_low_is_told_the_lowest() -> None:
    """The error names the size and what it costs."""
    found = problems(vmSize=None, size={"vcpus": 8, "maxUsdPerHour": 0.001})
    assert list(found) == ["size.maxUsdPerHour"]
    assert "USD an hour" in found["size.maxUsdPerHour"]


def test_a_wish_that_nothing_fulfils_is_refused() -> None:
    """Before any resource is made."""
    assert list(problems(vmSize=None, size={"vcpus": 1000})) == ["size"]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"vmSize": "standard_a1"}, "vmSize"),
        ({"vmSize": "basic_a2"}, "vmSize"),
        ({"vmSize": "standard_a2_v2"}, "vmSize"),
        ({"taskSlotsPerNode": 9}, "taskSlotsPerNode"),
        ({"imageReference": {"publisher": "p"}, "nodeAgentSkuId": "batch.node.ubuntu 20.04"}, "nodeAgentSkuId"),
        ({"imageReference": {"publisher": "p"}, "nodeAgentSkuId": "batch.node.centos 7"}, "nodeAgentSkuId"),
        ({"imageReference": {"publisher": "p"}, "nodeAgentSkuId": "batch.node.mariner 2.0"}, "nodeAgentSkuId"),
    ],
)
def test_what_has_ended_is_refused(changes: dict[str, Any], key: str) -> None:
    """Retired sizes and node agents, a new image on an old size, more slots than Batch takes for two vCPUs."""
    assert list(problems(**changes)) == [key]


def test_every_image_is_taken_today_and_refused_after_its_end() -> None:
    """Each preset has a day on which it ends."""
    for name, image in IMAGES.items():
        assert image.end.day is not None
        assert "image" not in problems(image=name)
        assert "has ended" in problems(image=name, day=image.end.day + timedelta(days=1))["image"]
        assert end_of_agent(image.node_agent) is None or end_of_agent(image.node_agent) == image.end


def test_what_ends_within_a_year_is_warned_of() -> None:
    """Ubuntu 22.04 ends in June 2027; 24.04 does not end soon."""
    assert any(
        "ends on 2027-06-30" in text for text in warnings(settings(image="ubuntu-22.04"), "standard_d2s_v3", TODAY)
    )
    assert list(warnings(settings(), "standard_d2s_v3", TODAY)) == []
    assert any("is in no list" in text for text in warnings(settings(image="rockylinux-9"), "standard_d2s_v3", TODAY))


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.dates(date(2020, 1, 1), date(2040, 1, 1)))
def test_a_verdict_is_one_of_three(end: date, today: date) -> None:
    """Past: refused; within a year: warned of; else neither."""
    found = judge("it", End(end, "source"), today)
    assert bool(found.refusal) == (end < today)
    assert bool(found.warning) == (today <= end <= today + NEAR)


@pytest.mark.parametrize(
    ("size", "end"),
    [
        ("standard_nc6s_v3", date(2025, 9, 30)),
        ("standard_nc24rs_v3", date(2025, 9, 30)),
        ("standard_dc1s_v2", date(2026, 6, 30)),
        ("standard_nv12s_v3", date(2026, 9, 30)),
        ("standard_nv4as_v4", date(2026, 9, 30)),
        ("standard_m192idms_v2", date(2027, 3, 31)),
        ("standard_m192is_v2", date(2027, 3, 31)),
        ("standard_hb120rs_v2", date(2027, 5, 31)),
        ("standard_hc44rs", date(2027, 5, 31)),
        ("standard_hc44-16rs", date(2027, 5, 31)),
        ("standard_np10s", date(2027, 5, 31)),
        ("standard_d2_v2", date(2028, 5, 1)),
        ("standard_b1ls", date(2028, 11, 15)),
        ("standard_f2s_v2", date(2028, 11, 15)),
        ("standard_dc2ds_v3", date(2029, 10, 31)),
        ("standard_d2s_v3", date(2029, 11, 15)),
        ("standard_e64i_v3", date(2029, 11, 15)),
        ("standard_ec4ads_cc_v5", date(2026, 9, 1)),
        ("standard_b2s_v2", None),
        ("standard_d2s_v5", None),
    ],
)
def test_sizes_end_when_it_is_published(size: str, end: date | None) -> None:
    """As "VM size series retirements", of September 2026, has it; sizes past their end are refused."""
    found = end_of(size)
    assert (found and found.day) == end
    assert (f"has ended on {end}" in problems(vmSize=size).get("vmSize", "")) == (end is not None and end < TODAY)


KINDS_BY_NAME = {"D": "general", "E": "general", "F": "general", "L": "general", "M": "memory", "H": "hpc", "N": "gpu"}


@pytest.mark.parametrize("kind", KINDS_BY_NAME.values())
def test_machines_of_a_special_kind_are_asked_for(kind: str) -> None:
    """Each wish gets a machine of its kind; nobody gets a confidential one by accident."""
    found = choose(SizeWish(kind=kind, memory_gib=1), "V2")
    assert KINDS_BY_NAME[found.name.removeprefix("Standard_")[0]] == kind
    assert not found.name.startswith("Standard_DC")


def test_a_kind_that_has_no_such_machine_names_another_that_has() -> None:
    """The series of FPGA machines that Batch has are on their way out."""
    with pytest.raises(SettingsError, match="ask for the kind 'general' or 'gpu' or 'hpc'"):
        choose(SizeWish(kind="fpga", memory_gib=1), "V2")


def test_a_plain_wish_gets_a_large_memory_machine_where_no_other_has_so_much() -> None:
    """Otherwise never."""
    assert choose(SizeWish(memory_gib=1500), "V2").kind == "memory"
    assert choose(SizeWish(vcpus=64, memory_gib=400), "V2").kind == "general"


def test_an_arm64_machine_takes_no_x64_image() -> None:
    """Refused with the images that are known here, warned of with others; NP and HB sizes are no such machines."""
    assert "arm64" in problems(vmSize="standard_d2ps_v5")["vmSize"]
    own = settings(vmSize="standard_e4pds_v5", imageReference={"id": "/i"}, nodeAgentSkuId="batch.node.ubuntu 24.04")
    assert any("arm64" in text for text in warnings(own, "standard_e4pds_v5", TODAY))
    assert [sizes.is_arm64(one) for one in ("standard_np10s", "standard_d2s_v5", "Standard_B2pls_v2")] == [0, 0, 1]


def test_a_size_that_nobody_knows_is_warned_of() -> None:
    """It may be newer than the table, or a slip of the pen."""
    assert any("is it spelt right?" in text for text in warnings(settings(), "standard_typo9", TODAY))


def test_dates_that_were_looked_up_long_ago_are_said_to_be() -> None:
    """A warning of the deployment, not a test that fails one day."""
    checked = min(images.CHECKED_ON, sizes.CHECKED_ON)
    assert list(preflight.stale_dates(checked + STALE)) == []
    old = list(preflight.stale_dates(max(images.CHECKED_ON, sizes.CHECKED_ON) + STALE + timedelta(days=1)))
    assert ["images" in old[0], "sizes" in old[1]] == [True, True]


def test_files_have_to_be_there(tmp_path: Path) -> None:
    """Scripts, their files, and the formula; a formula is one, too."""
    scripts = {"scripts": [{"script": "mine/setup.sh", "files": ["mine/data.txt"]}]}
    found = list(
        preflight.problems(settings(startTask=scripts, formulaFile="no.txt", maxDedicated=None), TODAY, tmp_path)
    )
    assert {"mine/setup.sh", "mine/data.txt", "no.txt"} <= {problem.value for problem in found}
    (tmp_path / "bad.txt").write_text("$TargetDedicatedNodes = ;")
    bad = problems(tmp_path, formulaFile="bad.txt", maxDedicated=None)
    assert "is no formula: " in bad["formulaFile"]
    (tmp_path / "good.txt").write_text("$TargetDedicatedNodes = 1;")
    assert problems(tmp_path, formulaFile="good.txt", maxDedicated=None) == {}


def test_all_of_it_is_told_with_all_else() -> None:
    """Wrong settings, retired images and sizes, missing files and wrong wishes of several pools are one error."""
    pools = {
        "a": {**BARE, "vmSize": "basic_a2"},
        "b": {**BARE, "maxDedicated": "many"},
        "c": {**SMALL, "startTask": {"scripts": [{"script": "no.sh"}]}},
        "d": {"size": {"vcpus": 1000}, "maxSpot": 1},
    }
    values = {"location": "West Europe", "pools": json.dumps(pools), "publicAccess": '{"allow": "anyone"}'}
    with pytest.raises(SettingsError) as caught:
        parse("azure-batch", values, (), preflight.checks(TODAY))
    keys = {problem.key.removeprefix("azure-batch:") for problem in caught.value.problems}
    assert {"location", "pools.a.vmSize", "pools.b.maxDedicated", "pools.c.startTask.scripts", "pools.d.size"} == keys


def test_all_of_one_pool_is_told_at_once() -> None:
    """Missing files, unknown packages, ends, slots and other rules, beside values that are wrong by themselves."""
    start_task = {"scripts": [{"script": "no.sh"}, {"script": "x.ps1", "parameters": [1]}], "retries": -2}
    pool = {
        "vmSize": "standard_nv12s_v3",
        "image": "ubuntu-24.04",
        "maxDedicated": "many",
        "minSpot": 2,
        "maxSpot": 1,
        "taskSlotsPerNode": 100,
        "packages": ["nope"],
        "formulaFile": "no.txt",
        "displayName": "x" * 1025,
        "startTask": start_task,
    }
    values = {"location": "westeurope", "pools": json.dumps({"a": pool}), "publicAccess": '{"allow": "anyone"}'}
    with pytest.raises(SettingsError) as caught:
        parse("azure-batch", values, (), preflight.checks(TODAY))
    found = {(one.key.removeprefix("azure-batch:pools.a."), one.value) for one in caught.value.problems}
    assert {
        ("vmSize", "standard_nv12s_v3"),
        ("maxDedicated", "many"),
        ("minSpot", 2),
        ("taskSlotsPerNode", 100),
        ("packages", "nope"),
        ("formulaFile", "no.txt"),
        ("displayName", "x" * 1025),
        ("startTask.scripts", "no.sh"),
        ("startTask.scripts[1].script", "x.ps1"),
        ("startTask.scripts[1].parameters", 1),
        ("startTask.retries", -2),
    } <= found


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("collector", [False, True])
def test_every_image_has_a_start_task_of_its_system(image: str, collector: bool) -> None:
    """Without a word about it: scripts that the system runs, and all files are there."""
    pool = record(PoolSettings, {**SMALL, "image": image, "startTask": {"nodeStats": collector}})
    assert list(preflight.problems(pool, TODAY, ROOT)) == []
    endings = {Path(step.script).suffix for step in pool.start_task.steps(windows=pool.windows)}
    assert endings == ({".ps1"} if image.startswith("windows") else {".sh"})
