"""The collector of node statistics: what it samples, where that goes, and when it ends."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeVar

import pytest

from tests.start_tasks.cloud import Cloud
from tests.start_tasks.node import ROOT, Node

pytestmark = pytest.mark.ours

NewNode = Callable[[str], Node]
Found = TypeVar("Found")
LIB = ROOT / "start_tasks" / "lib"


def wait_for(find: Callable[[], Found | Literal[False] | None], description: str) -> Found:
    """The first true value of `find`."""
    deadline = time.monotonic() + 30
    while not (found := find()):
        assert time.monotonic() < deadline, f"waited in vain: {description}"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def module() -> Iterator[ModuleType]:
    """The collector's module; it finds its neighbour beside it, as on a node."""
    sys.path.insert(0, str(LIB))
    spec = importlib.util.spec_from_file_location("collector_under_test", LIB / "node_stats.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(found)
        yield found
    finally:
        sys.path.remove(str(LIB))
        sys.modules.pop("blob", None)


@pytest.fixture
def node(new_node: NewNode) -> Iterator[Node]:
    """A node whose collector uploads at every sample, and is gone afterwards."""
    found = new_node("node")
    found.environment |= {"NODE_STATS_UPLOAD": "0"}
    yield found
    running = collector(found)
    if running:
        os.kill(running, signal.SIGKILL)


def status(node: Node) -> list[str]:
    """The lines of the collector's file."""
    path = node.shared / "node_stats.txt"
    return path.read_text().splitlines() if path.exists() else []


def collector(node: Node) -> int | None:
    """The process id of the collector, while it runs."""
    lines = status(node)
    return int(lines[0]) if lines and alive(int(lines[0])) else None


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def lines_of(cloud: Cloud) -> list[dict[str, Any]]:
    """The samples in the container."""
    texts = [cloud.blobs[name].decode() for name in cloud.names("logs/node-stats/pool/node/")]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def write_proc(proc: Path, busy: int, idle: int, sectors: int, sent: int) -> None:
    """A /proc of one disk with one partition, a RAM disk, and two network cards."""
    disk = "259 0 {name} 9 0 {read} 1 9 0 {written} 1 0 0 0"
    disks = [("nvme0n1", 8), ("nvme0n1p1", 8), ("ram0", 99)]
    block = proc.parent / "sys/class/block/nvme0n1p1"
    (proc / "net").mkdir(parents=True, exist_ok=True)
    block.mkdir(parents=True, exist_ok=True)
    (block / "partition").write_text("1\n")
    (proc / "stat").write_text(f"cpu {busy} 0 0 {idle} 10 0 0 0 0 0\ncpu0 0 0 0 0\n")
    (proc / "loadavg").write_text("1.50 1.0 1.0 1/100 5\n")
    (proc / "meminfo").write_text("MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 400 kB\n")
    (proc / "diskstats").write_text(
        "\n".join(disk.format(name=name, read=sectors * size, written=sectors) for name, size in disks)
    )
    card = "  {name}: {received} 1 0 0 0 0 0 0 {sent} 1 0 0 0 0 0 0\n"
    cards = [card.format(name=name, received=2 * sent, sent=sent) for name in ("lo", "eth0")]
    (proc / "net/dev").write_text(f"Inter-|\n face |\n{''.join(cards)}")


def test_a_sample_is_what_happened_since_the_one_before(module: ModuleType, tmp_path: Path) -> None:
    """Rates a second, of whole disks and of the network without the loopback."""
    proc = tmp_path / "proc"
    write_proc(proc, busy=100, idle=100, sectors=0, sent=0)
    before = module.counters(proc)
    write_proc(proc, busy=130, idle=170, sectors=4, sent=1000)
    found = module.sample(before, module.counters(proc), 2.0, tmp_path, proc)
    disk = shutil.disk_usage(tmp_path)
    assert found.pop("time").endswith("Z")
    assert abs(found.pop("disk_used") - disk.used) < 10**9
    assert found == {
        "cpu_percent": 30.0,
        "iowait_percent": 0.0,
        "load": 1.5,
        "memory_used": 600 * 1024,
        "memory_total": 1000 * 1024,
        "disk_total": disk.total,
        "disk_read": 4 * 8 * 512 / 2,
        "disk_written": 4 * 512 / 2,
        "network_received": 1000,
        "network_sent": 500,
    }


def test_what_waits_is_bounded(module: ModuleType, tmp_path: Path) -> None:
    """A container that can't be reached for a day costs the oldest samples, not the node's memory."""
    with (tmp_path / "status").open("w+") as file:
        found = module.Collector(tmp_path, "https://store.blob.core.windows.net/logs", file)
        for number in range(module.KEPT + 10):
            found.waiting.append(("2026-01-01", str(number)))
    assert (len(found.waiting), found.waiting[0][1]) == (module.KEPT, "10")


def test_each_day_has_its_blob(module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples around midnight go where they belong; those that were sent wait no more."""
    sent: list[tuple[bytes, str]] = []
    monkeypatch.setattr(module.blob, "append", lambda content, url: sent.append((content, url)))
    with (tmp_path / "status").open("w+") as file:
        found = module.Collector(tmp_path, "place", file)
        found.waiting.extend([("2026-01-01", "a"), ("2026-01-01", "b"), ("2026-01-02", "c")])
        found.upload()
    assert sent == [(b"a\nb\n", "place/2026-01-01.jsonl"), (b"c\n", "place/2026-01-02.jsonl")]
    assert not found.waiting


def test_the_collector_outlives_the_start_task(node: Node, cloud: Cloud) -> None:
    """The start task ends at once; samples come on; one process, in a session of its own, far from the task's files."""
    done = node.run("node_stats.sh", "1")
    assert (done.code, done.err) == (0, "")
    wait_for(lambda: len(lines_of(cloud)) >= 2, "two samples")
    pid = wait_for(lambda: collector(node), "a collector")
    assert os.getsid(pid) == pid
    assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
    first = lines_of(cloud)[0]
    assert 0 <= first["cpu_percent"] <= 100
    assert 0 < first["memory_used"] < first["memory_total"]
    assert 0 < first["disk_used"] < first["disk_total"]


def test_a_later_run_replaces_it(node: Node, cloud: Cloud) -> None:
    """One collector a node: after a reboot, and after a change of its script. The one before sends what it has."""
    node.run("node_stats.sh", "9999")
    first = wait_for(lambda: collector(node), "a collector")
    assert lines_of(cloud) == []
    assert node.run("node_stats.sh", "9999").code == 0
    second = wait_for(lambda: collector(node) != first and collector(node), "another collector")
    assert not alive(first)
    assert len(lines_of(cloud)) == 1
    assert second != first


def test_it_ends_with_its_node(node: Node, cloud: Cloud) -> None:
    """The folder of the node goes, and so does the collector, though another node of that name comes."""
    node.run("node_stats.sh", "1")
    pid = wait_for(lambda: collector(node), "a collector")
    shutil.rmtree(node.root)
    node.root.mkdir()
    wait_for(lambda: not alive(pid), "the end of the collector")
    assert all("logs/node-stats/pool/node/" in name for name in cloud.blobs)


def test_an_upload_that_fails_is_made_up_for(node: Node, cloud: Cloud) -> None:
    """Its file says what is wrong; nothing is lost and no token is told."""
    cloud.answers += [403] * 2
    node.run("node_stats.sh", "1")
    failure = wait_for(lambda: [line for line in status(node) if "no upload: " in line], "a failure")
    assert "403 AsTheTestAsked" in failure[0]
    wait_for(lambda: len(lines_of(cloud)) >= 2, "samples")
    wait_for(lambda: [line for line in status(node) if "all uploaded" in line], "an upload")


@pytest.mark.parametrize("words", [("0",), ("-1",), ("1.5",), ("x",), ("1", "2")])
def test_wrong_seconds_are_refused(node: Node, words: tuple[str, ...]) -> None:
    """Before anything is started."""
    done = node.run("node_stats.sh", *words)
    assert done.code == 1
    assert "must be one whole number from 1 to 9999" in done.err
    assert status(node) == []


def test_without_a_container_there_is_nowhere_to_write(node: Node) -> None:
    """It says which variable is missing."""
    done = node.run("node_stats.sh", START_TASK_LOGS="")
    assert done.code == 1
    assert "$START_TASK_LOGS is missing" in done.err
