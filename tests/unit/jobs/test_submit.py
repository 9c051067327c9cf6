import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobs import build, submit
from jobs.errors import ServiceError
from jobs.spec import MultiInstance, ResourceFile, Source, TaskTemplate, Workload
from jobs.target import Json
from tests.unit.jobs.fakes import BLOB, IDENTITY, FakeBatch, FakeBlobs, services, target

pytestmark = pytest.mark.ours

SWEEP = TaskTemplate(
    "run {n}", "t-{n}", (ResourceFile("data", "d.csv"),), ("out.csv", "*.log"), {"N": "{n}"}, 2, "PT5M"
)
MERGE = TaskTemplate("merge", gather="all")


def workload(count: int = 3, tasks: TaskTemplate = SWEEP, merge: TaskTemplate | None = MERGE) -> Workload:
    """A sweep over `count` numbers."""
    return Workload("w", "main", {"data": Source("in/data.csv")}, {"n": tuple(range(count))}, tasks, merge)


def plan() -> build.Plan:
    """A plan for the fake deployment."""
    place = target()
    return build.Plan("w-1", place, place.pool("main"), {"data": "cafe/data.csv"})


def test_job_id() -> None:
    """A job id says what and when, and differs between two submissions in one second."""
    assert build.job_id("solar", datetime(2026, 11, 23, 8, 28, 11, tzinfo=UTC), "a1b2") == "solar-20261123-082811-a1b2"


def test_job() -> None:
    """A job knows dependencies, does not end while it is empty, and carries the number of its tasks."""
    job = build.job(plan(), workload())
    assert job["usesTaskDependencies"] is True
    assert job["onAllTasksComplete"] == "noaction"
    assert {"name": "jobs:tasks", "value": "4"} in job["metadata"]


def test_task() -> None:
    """A task's document holds what the workload file says, with the parameter filled in."""
    first = next(build.tasks(plan(), workload()))
    assert first["id"] == "t-0"
    assert first["commandLine"] == "run 0"
    assert first["constraints"] == {"maxTaskRetryCount": 2, "maxWallClockTime": "PT5M"}
    assert first["environmentSettings"] == [
        {"name": "AZURE_CLIENT_ID", "value": "client-1"},
        {"name": "N", "value": "0"},
    ]
    assert first["resourceFiles"] == [
        {
            "httpUrl": f"{BLOB}/input/cafe/data.csv",
            "filePath": "d.csv",
            "identityReference": {"resourceId": IDENTITY},
        }
    ]


def test_a_task_on_several_nodes() -> None:
    """What every node fetches and runs, with the parameters filled in; other tasks have no such settings."""
    settings = MultiInstance(3, "prepare {n}", (ResourceFile("data", ""),))
    task = next(build.tasks(plan(), workload(2, TaskTemplate("run", multi_instance=settings))))
    assert task["multiInstanceSettings"] == {
        "numberOfInstances": 3,
        "coordinationCommandLine": "prepare 0",
        "commonResourceFiles": [
            {
                "httpUrl": f"{BLOB}/input/cafe/data.csv",
                "filePath": "data.csv",
                "identityReference": {"resourceId": IDENTITY},
            }
        ],
    }
    assert "multiInstanceSettings" not in next(build.tasks(plan(), workload()))


def test_output_files() -> None:
    """Outputs go up on success under the job's and task's name, the streams after every attempt."""
    first = next(build.tasks(plan(), workload()))
    places = [
        (
            file["filePattern"],
            file["destination"]["container"]["containerUrl"],
            file["destination"]["container"]["path"],
            file["uploadOptions"]["uploadCondition"],
        )
        for file in first["outputFiles"]
    ]
    assert places == [
        ("out.csv", f"{BLOB}/output", "w-1/t-0/out.csv", "tasksuccess"),
        ("*.log", f"{BLOB}/output", "w-1/t-0", "tasksuccess"),
        ("../std*.txt", f"{BLOB}/logs", "w-1/t-0", "taskcompletion"),
    ]


def test_no_key_in_any_document() -> None:
    """Every access to storage names the pool's identity; no document holds a key or a signature."""
    text = json.dumps([build.job(plan(), workload()), *build.tasks(plan(), workload())])
    assert "sig=" not in text
    assert "AccountKey" not in text
    assert text.count("identityReference") == text.count("httpUrl") + text.count("ontainerUrl")


def test_merge_depends_on_all() -> None:
    """The merge task waits for every task and fetches whatever they put out."""
    merge = list(build.tasks(plan(), workload()))[-1]
    assert merge["dependsOn"] == {"taskIds": ["t-0", "t-1", "t-2"]}
    assert merge["resourceFiles"] == [
        {
            "storageContainerUrl": f"{BLOB}/output",
            "blobPrefix": "w-1/",
            "filePath": "all",
            "identityReference": {"resourceId": IDENTITY},
        }
    ]


def test_numbered_tasks() -> None:
    """Without an id tasks are numbered, and the merge depends on one range however many there are."""
    tasks = list(build.tasks(plan(), workload(5000, TaskTemplate("run {n}"))))
    assert [tasks[0]["id"], tasks[-2]["id"]] == ["1", "5000"]
    assert tasks[-1]["dependsOn"] == {"taskIdRanges": [{"start": 1, "end": 5000}]}


def send(batch: FakeBatch, blobs: FakeBlobs, tmp_path: Path, count: int = 3) -> list[str]:
    """Submit a workload to the fakes; the lines that were said."""
    file = tmp_path / "data.csv"
    file.write_bytes(b"1,2\n")
    said: list[str] = []
    submit.submit(services(batch, blobs), plan(), workload(count), {"data": file}, said.append)
    return said


def test_submit(tmp_path: Path) -> None:
    """Inputs are uploaded, tasks added 100 a request, and only then may the job end by itself."""
    batch, blobs = FakeBatch(), FakeBlobs()
    said = send(batch, blobs, tmp_path, 250)
    assert blobs.containers["input"] == {"cafe/data.csv": b"1,2\n"}
    assert [len(request) for request in batch.requests] == [100, 100, 51]
    assert batch.calls == ["update after 251"]
    assert batch.jobs["w-1"]["onAllTasksComplete"] == "terminatejob"
    assert said[-1] == "job w-1: 251 tasks submitted to pool solar-pool"


def test_inputs_are_sent_once(tmp_path: Path) -> None:
    """An input that the container holds already is not uploaded again."""
    blobs = FakeBlobs(input={"cafe/data.csv": b"1,2\n"})
    send(FakeBatch(), blobs, tmp_path)
    assert blobs.written == []


def test_request_too_large(tmp_path: Path) -> None:
    """A request that is too large for the service is halved until it fits."""
    batch = FakeBatch()

    def refuse(tasks: Sequence[Json]) -> list[Json] | None:
        if len(tasks) > 30:
            raise ServiceError("too large", "RequestBodyTooLarge")
        return None

    batch.refuse = refuse
    send(batch, FakeBlobs(), tmp_path, 99)
    assert [len(request) for request in batch.requests] == [100, 50, 25, 25, 50, 25, 25]
    assert len(batch.task_lists["w-1"]) == 100


def test_repeated_request(tmp_path: Path) -> None:
    """Tasks that exist came with an earlier try of the same request: a success."""
    batch = FakeBatch()
    batch.refuse = lambda tasks: [
        {"taskId": task["id"], "status": "clienterror", "error": {"code": "TaskExists"}} for task in tasks
    ]
    send(batch, FakeBlobs(), tmp_path)
    assert batch.calls == ["update after 0"]


@pytest.mark.parametrize(
    ("code", "taken"), [("JobCompleted", True), ("JobBeingTerminated", True), ("JobNotFound", False)]
)
def test_a_job_that_has_ended_was_told_to(tmp_path: Path, code: str, taken: bool) -> None:
    """The word that it may end is repeated when its answer was an error; the job may be over by then."""

    class Ended(FakeBatch):
        def update_job(self, job: str, changes: Json) -> None:
            raise ServiceError(f"{job} {changes}", code)

    batch = Ended()
    if taken:
        send(batch, FakeBlobs(), tmp_path)
        assert batch.calls == []
    else:
        with pytest.raises(ServiceError):
            send(batch, FakeBlobs(), tmp_path)
        assert batch.calls == ["terminate SubmissionFailed"]


def test_busy_service(tmp_path: Path) -> None:
    """Tasks that the service could not take are sent again, and only those."""
    batch = FakeBatch()

    def refuse(tasks: Sequence[Json]) -> list[Json] | None:
        batch.refuse = lambda _: None
        return [{"taskId": task["id"], "status": "servererror" if task["id"] == "t-1" else "success"} for task in tasks]

    batch.refuse = refuse
    send(batch, FakeBlobs(), tmp_path)
    assert batch.requests == [["t-0", "t-1", "t-2", "merge"], ["t-1"]]


def test_refused_task_ends_the_job(tmp_path: Path) -> None:
    """A refused task is named with the service's reason, and the half-filled job is ended."""
    batch = FakeBatch()
    error = {"code": "InvalidPropertyValue", "message": {"value": "requiredSlots"}}
    batch.refuse = lambda tasks: [{"taskId": tasks[0]["id"], "status": "clienterror", "error": error}]
    with pytest.raises(ServiceError, match="task t-0 was refused: InvalidPropertyValue: requiredSlots"):
        send(batch, FakeBlobs(), tmp_path)
    assert batch.calls == ["terminate SubmissionFailed"]


def test_locate_inputs(tmp_path: Path) -> None:
    """Inputs lie beside the workload file or in an installed package; what is missing is told with its line."""
    (tmp_path / "a.csv").touch()
    inputs = {
        "a": Source("a.csv", line=2),
        "b": Source("b.csv", line=3),
        "c": Source("data/12839.tm2", "pvlib", line=4),
        "d": Source("x", "no_such_package", line=5),
        "e": Source("x", "no_such.package", line=6),
    }
    files, problems = submit.locate(inputs, tmp_path)
    assert set(files) == {"a", "c"}
    assert [problem.render("w.yaml") for problem in problems] == [
        f"w.yaml:3: inputs.b: there is no file {tmp_path / 'b.csv'}",
        "w.yaml:5: inputs.d: package no_such_package is not installed beside this program; install it with pip or uv",
        "w.yaml:6: inputs.e: package no_such.package is not installed beside this program; install it with pip or uv",
    ]


def test_blob_names_follow_content(tmp_path: Path) -> None:
    """A blob is named after the hash of its content and its file name."""
    (tmp_path / "a.csv").write_text("x")
    names = submit.name_blobs({"a": tmp_path / "a.csv"})
    assert names == {"a": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881/a.csv"}
