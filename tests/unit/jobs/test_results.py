from pathlib import Path

import pytest

from jobs import report, results
from jobs.errors import ServiceError
from tests.unit.jobs.fakes import FakeBatch, FakeBlobs, failed, services, succeeded, target, task

pytestmark = pytest.mark.ours

STATS = b'{"rows": 19, "seconds": 2.5, "peak_memory_bytes": 104857600}'
LOGS = {"j/a/stdout.txt": b"out\n", "j/a/stderr.txt": b"".join(b"line %d\n" % number for number in range(40))}


def test_streams_of_an_ended_task_come_from_blob() -> None:
    """The streams of a task that has ended are read from Blob storage, where no node can lose them."""
    both = results.read_streams(services(blobs=FakeBlobs(logs=LOGS)), target(), "j", succeeded("a"))
    assert (both.stdout, both.source) == ("out\n", "blob")


def test_streams_of_a_running_task_come_from_its_node() -> None:
    """The streams of a task that runs are read from its node."""
    batch = FakeBatch()
    batch.files = {("a", "stdout.txt"): b"half", ("a", "stderr.txt"): b"\xff"}
    both = results.read_streams(services(batch), target(), "j", task("a", "running"))
    assert both == results.Streams("half", "\ufffd", "node")


def test_streams_that_never_reached_blob() -> None:
    """Where the upload failed, an ended task's node is asked; if it is gone too, the error names the blob."""
    batch = FakeBatch()
    batch.files = {("a", "stdout.txt"): b"x", ("a", "stderr.txt"): b""}
    assert results.read_streams(services(batch), target(), "j", failed("a")).source == "node"
    with pytest.raises(ServiceError, match="BlobNotFound"):
        results.read_streams(services(), target(), "j", failed("a"))


def test_stderr_tail() -> None:
    """The tail of stderr is its last lines; a task without one has none."""
    tail = results.stderr_tail(services(blobs=FakeBlobs(logs=LOGS)), target(), "j", failed("a"))
    assert tail == [f"line {number}" for number in range(25, 40)]
    assert results.stderr_tail(services(), target(), "j", failed("b")) == []


def test_download(tmp_path: Path) -> None:
    """Every output of the job lands below the folder under the task's name; other jobs' outputs stay away."""
    blobs = FakeBlobs(output={"j/a/x.csv": b"1", "j/b/deep/y.csv": b"2", "j2/a/x.csv": b"3"})
    paths = results.download_outputs(services(blobs=blobs), target(), "j", tmp_path)
    assert paths == [tmp_path / "a/x.csv", tmp_path / "b/deep/y.csv"]
    assert [path.read_bytes() for path in paths] == [b"1", b"2"]
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["x.csv", "y.csv"]


@pytest.mark.parametrize("name", ["j/../../etc/passwd", "j/a/../../x", "j/a\\..\\x", "j/a/x\0y", "j"])
def test_unsafe_blob_names(name: str, tmp_path: Path) -> None:
    """A blob name that would lead out of the folder is refused, and nothing at all is written."""
    blobs = FakeBlobs(output={"j/a/fine.csv": b"1", name if name != "j" else "j/": b"evil"})
    with pytest.raises(ServiceError, match="leads out of its folder"):
        results.download_outputs(services(blobs=blobs), target(), "j", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_read_stats() -> None:
    """Stats files are found by task; what is no JSON, or not a number, counts as unknown."""
    output = {"j/a/stats.json": STATS, "j/b/stats.json": b"oops", "j/c/stats.json": b'{"rows": "x", "seconds": 1}'}
    blobs = FakeBlobs(output=output | {"j/a/deep/stats.json": b"{}"})
    assert results.read_stats(services(blobs=blobs), target(), "j") == {
        "a": {"rows": 19, "seconds": 2.5, "peak_memory_bytes": 104857600},
        "b": {},
        "c": {"seconds": 1},
    }


def job_report() -> report.Report:
    """A job of two sweeps, one of which lost its node, a failure and a merge."""
    tasks = [
        succeeded("a", requeueCount=1) | {"nodeInfo": {"nodeId": "n2"}},
        succeeded("b", retryCount=1) | {"nodeInfo": {"nodeId": "n1"}},
        failed("c"),
        succeeded("merge") | {"dependsOn": {"taskIds": ["a", "b"]}},
    ]
    stats = {
        "a": {"rows": 10, "seconds": 1.5, "peak_memory_bytes": 100 * 1024**2},
        "b": {"rows": 5, "seconds": 0.5, "peak_memory_bytes": 50 * 1024**2},
        "merge": {"rows": 15, "seconds": 1.0},
    }
    job = {"id": "j", "state": "active", "poolInfo": {"poolId": "p"}, "creationTime": "2026-11-23T08:00:00Z"}
    return report.build_report(job, tasks, stats)


def test_report_totals() -> None:
    """Totals: states, attempts, times, and rows without those the merge only passes on."""
    found = job_report()
    assert (found.tasks, found.completed, found.succeeded, found.failed, found.percent_completed) == (4, 4, 3, 1, 100.0)
    assert (found.retries, found.requeues, found.ran_again, found.nodes) == (1, 1, ["a"], 2)
    assert (found.seconds, found.node_seconds, found.rows, found.work_seconds) == (4.0, 7.5, 15, 3.0)
    assert (found.rows_per_second, found.peak_memory_bytes) == (3.8, 100 * 1024**2)


def test_report_says_what_ran_again() -> None:
    """The report names the tasks that lost their node and the reasons of failures."""
    assert report.remarks(job_report()) == [
        "a ran again on n2 after it lost its node",
        "c failed: FailureExitCode: The task exited with an exit code representing a failure (exit code 3)",
    ]


def test_report_page() -> None:
    """The page holds the totals and one line for each task."""
    page = report.markdown(job_report())
    assert "- **tasks**: 4 of 4 completed (100 %)" in page
    assert "| a | succeeded | n2 | 2.50 |  | 1 | 10 | 1.50 | 100 |" in page


def test_report_of_a_job_without_stats() -> None:
    """Tasks that wrote no stats file, or have not run, are unknown and not zero."""
    job = {"id": "j", "state": "active", "poolInfo": {"poolId": "p"}}
    found = report.build_report(job, [task("a"), task("b", "running")], {})
    assert found.percent_completed == 0
    assert (found.seconds, found.peak_memory_bytes, found.per_task[0].rows) == (None, None, None)
    assert "unknown time" in report.markdown(found)


def test_report_of_an_ended_job() -> None:
    """A task that still waits when its job has ended never ran, and the report says so."""
    job = {"id": "j", "state": "completed", "poolInfo": {"poolId": "p"}}
    assert report.remarks(report.build_report(job, [task("merge")], {})) == ["merge never ran: the job ended before"]


def test_short_node() -> None:
    """A node's id is cut to what tells it from others; a short one stays."""
    assert report.short_node(f"tvmps_{'83791e9a' * 8}_p") == "tvmps_83791e9…_p"
    assert report.short_node("n1") == "n1"


@pytest.mark.parametrize(
    ("part", "whole", "expected"), [(999, 1000, 99.9), (9999, 10000, 99.9), (3, 3, 100.0), (0, 0, 0.0)]
)
def test_percent(part: int, whole: int, expected: float) -> None:
    """100 % means all of them: percentages are rounded down."""
    assert report.percent(part, whole) == expected
