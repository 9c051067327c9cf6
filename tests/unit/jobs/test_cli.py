import json
import subprocess
import sys
from pathlib import Path

import pytest

from jobs import cli, memory
from jobs.errors import ServiceError
from jobs.ports import Services
from jobs.target import Target
from tests.unit.jobs.fakes import FakeBatch, FakeBlobs, failed, outputs, succeeded, target, task

pytestmark = pytest.mark.ours

ROOT = Path(__file__).parents[3]
WORKLOAD = "name: w\nparameters: {n: [1, 2]}\ntasks: {commandLine: 'run {n}'}\n"


class Cli:
    """The command line in a folder of its own, with services in memory."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        self.batch = FakeBatch()
        self.blobs = FakeBlobs()
        self.outputs = folder / "stack.json"
        self.outputs.write_text(json.dumps(outputs()))
        self.workload = folder / "w.yaml"
        self.workload.write_text(WORKLOAD)

    def __call__(self, *words: object) -> tuple[int, str, str]:
        """Run a command: exit code, stdout, stderr."""
        code = cli.main([str(word) for word in words], self.connect)
        captured = self.capsys.readouterr()
        return code, captured.out, captured.err

    def connect(self, place: Target) -> Services:
        """Give out the fakes."""
        return Services(self.batch, self.blobs)

    def with_last_job(self) -> None:
        """Pretend that job `j` was submitted from here."""
        memory.remember(target(), "j")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """A command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Cli(tmp_path, capsys)


def test_submit(run: Cli) -> None:
    """A submission creates the job, says how to come back, and gives its id as JSON."""
    code, out, err = run("submit", run.workload, "--outputs", run.outputs, "--json")
    found = json.loads(out)
    assert code == 0
    assert found == {"job": found["job"], "tasks": 2}
    assert list(run.batch.task_lists[found["job"]]) == ["1", "2"]
    assert "python -m jobs watch" in err


def test_last_job_is_remembered(run: Cli) -> None:
    """After a submission the other commands need neither the job's id nor the stack."""
    run("submit", run.workload, "--outputs", run.outputs)
    code, out, _ = run("status", "--json")
    assert code == 0
    assert json.loads(out)["tasks"] == {"active": 2, "running": 0, "succeeded": 0, "failed": 0}


def test_follow_success(run: Cli) -> None:
    """`submit --follow` ends with 0 when all tasks succeeded."""
    run.batch.ends_at_once = True
    code, _, err = run("submit", run.workload, "--outputs", run.outputs, "--follow")
    assert code == 0
    assert "2 of 2 tasks succeeded" in err


def test_watch_failure(run: Cli) -> None:
    """`watch` ends with 1 when a task failed, and shows its reason, retries and the tail of its stderr."""
    run.batch.with_job("j", succeeded("a"), failed("b", retryCount=2))
    run.blobs.containers["logs"] = {"j/b/stdout.txt": b"", "j/b/stderr.txt": b"Traceback\nValueError: no sun\n"}
    run.with_last_job()
    code, out, err = run("watch", "--json")
    assert code == 1
    assert "b failed after 2 retries: FailureExitCode" in err
    assert "  | ValueError: no sun" in err
    assert json.loads(out)["failures"][0]["stderr"] == ["Traceback", "ValueError: no sun"]


def test_bad_workload(run: Cli) -> None:
    """A bad file ends with 2, all its problems on stderr, and nothing was created."""
    run.workload.write_text("name: w\ntasks: {comandLine: x}\n")
    code, out, err = run("submit", run.workload, "--outputs", run.outputs)
    assert (code, out) == (2, "")
    assert f"{run.workload}:2: tasks.commandLine: is missing" in err
    assert f"{run.workload}:2: tasks.comandLine: is not known here" in err
    assert run.batch.jobs == {}


def test_missing_input_file(run: Cli) -> None:
    """An input that is not there is a problem of the file as well."""
    run.workload.write_text("name: w\nscripts: [gone.py]\ntasks: {commandLine: x}\n")
    code, _, err = run("submit", run.workload, "--outputs", run.outputs)
    assert code == 2
    assert f"{run.workload}:2: inputs.gone.py: there is no file" in err


def test_missing_workload_file(run: Cli) -> None:
    """A workload file that is not there ends with 2."""
    assert run("submit", "none.yaml", "--outputs", run.outputs)[0] == 2


def test_set(run: Cli) -> None:
    """--set replaces a parameter's values; without = it is refused."""
    _, out, _ = run("submit", run.workload, "--outputs", run.outputs, "--set", "n=[7]", "--dry-run", "--json")
    assert [item["commandLine"] for item in json.loads(out)["tasks"]] == ["run 7"]
    code, _, err = run("submit", run.workload, "--outputs", run.outputs, "--set", "n")
    assert code == 2
    assert "--set n: write --set PARAMETER=VALUE" in err


def test_dry_run_creates_nothing(run: Cli) -> None:
    """--dry-run shows the documents and touches no service."""
    code, out, err = run("submit", run.workload, "--outputs", run.outputs, "--dry-run", "--json")
    assert code == 0
    assert "nothing was created" in err
    assert json.loads(out)["job"]["poolInfo"] == {"poolId": "solar-pool"}
    assert run.batch.jobs == {}
    assert memory.recall() is None


def test_very_many_tasks_are_confirmed(run: Cli) -> None:
    """More than 1,000 tasks need --yes where nobody can be asked."""
    run.workload.write_text("name: w\nparameters: {n: {from: 1, to: 1001}}\ntasks: {commandLine: x}\n")
    code, _, err = run("submit", run.workload, "--outputs", run.outputs)
    assert code == 2
    assert "--yes" in err
    assert run("submit", run.workload, "--outputs", run.outputs, "--yes")[0] == 0


def test_unknown_pool(run: Cli) -> None:
    """A pool that the stack has not got is a usage error that names those it has."""
    run.workload.write_text(WORKLOAD + "pool: gpu\n")
    code, _, err = run("submit", run.workload, "--outputs", run.outputs)
    assert code == 2
    assert "no pool 'gpu'; its pools: main" in err


def test_logs(run: Cli) -> None:
    """`logs` writes the task's stdout to stdout and its stderr to stderr."""
    run.batch.with_job("j", succeeded("a"))
    run.blobs.containers["logs"] = {"j/a/stdout.txt": b"result\n", "j/a/stderr.txt": b"warning\n"}
    run.with_last_job()
    assert run("logs", "a") == (0, "result\n", "warning\n")


def test_logs_of_a_waiting_task(run: Cli) -> None:
    """A task that has not started has no logs, and the message says what to do."""
    run.batch.with_job("j", task("a"))
    run.with_last_job()
    code, _, err = run("logs", "a")
    assert code == 2
    assert "has not started; wait for it with --follow" in err


def test_outputs(run: Cli) -> None:
    """Outputs are downloaded to outputs/JOB/ and the place is told."""
    run.batch.with_job("j")
    run.blobs.containers["output"] = {"j/a/x.csv": b"1"}
    run.with_last_job()
    code, out, err = run("outputs", "--json")
    assert (code, json.loads(out)["files"]) == (0, ["outputs/j/a/x.csv"])
    assert "1 file in outputs/j/" in err
    assert (run.folder / "outputs/j/a/x.csv").read_text() == "1"


def test_report(run: Cli) -> None:
    """The report is shown, written beside the outputs, and given as JSON; failures give exit code 1."""
    run.batch.with_job("j", succeeded("a", requeueCount=1))
    run.blobs.containers["output"] = {"j/a/stats.json": b'{"rows": 3, "seconds": 1, "peak_memory_bytes": 1048576}'}
    run.with_last_job()
    code, out, err = run("report", "--json")
    assert (code, json.loads(out)["percent_completed"], json.loads(out)["rows"]) == (0, 100.0, 3)
    assert "1 of 1 completed (100 %)" in err
    assert "a ran again" in (run.folder / "outputs/j/report.md").read_text()
    run.batch.with_job("j", failed("a"))
    assert run("report")[0] == 1


def test_cancel(run: Cli) -> None:
    """`cancel` terminates the job."""
    run.batch.with_job("j")
    run.with_last_job()
    assert run("cancel")[0] == 0
    assert run.batch.calls == ["terminate CancelledByUser"]


@pytest.mark.parametrize("command", ["rerun", "doctor", "cost"])
def test_not_built(run: Cli, command: str) -> None:
    """A command of the contract that does not exist yet says so by name, whatever its options."""
    code, _, err = run(command, "--failed", "x")
    assert (code, err) == (2, f"{command}: not built yet\n")


def test_no_job_yet(run: Cli) -> None:
    """Without a job from here, one must be named."""
    code, _, err = run("status", "--outputs", run.outputs)
    assert code == 2
    assert "name one with --job ID" in err


def test_service_error(run: Cli) -> None:
    """A refusal by the service ends with 3 and its text."""
    code, _, err = run("status", "--job", "gone", "--outputs", run.outputs)
    assert code == 3
    assert "JobNotFound" in err


def test_status_of_a_job_whose_pool_is_gone(run: Cli) -> None:
    """The numbers of tasks are told all the same, and what to do about those that wait."""
    run.batch.with_job("j", task("a"), succeeded("b"))
    run.batch.pool_document = {}
    run.with_last_job()
    code, out, _ = run("status", "--json")
    found = json.loads(out)
    assert (code, found["tasks"]["active"], found["tasks"]["succeeded"]) == (0, 1, 1)
    assert "solar-pool is gone" in found["pool"][0]


def test_timeout(run: Cli) -> None:
    """`watch` --timeout ends with 4."""
    run.batch.with_job("j", task("a", "running"))
    run.with_last_job()
    assert run("watch", "--timeout", "0.01")[0] == 4


def test_interrupt(run: Cli) -> None:
    """Ctrl-C leaves the job alone, says how to come back and ends with 130."""
    run.batch.with_job("j", task("a", "running"))
    run.with_last_job()
    run.batch.raises = KeyboardInterrupt()
    code, _, err = run("watch")
    assert code == 130
    assert "python -m jobs watch" in err
    assert run.batch.calls == []


def test_service_does_not_answer(run: Cli) -> None:
    """A service that cannot be reached is a service error, not a traceback."""
    run.with_last_job()
    run.batch.raises = ServiceError("reading job j: connection refused (ServiceRequestError)")
    assert run("watch")[0] == 3


def test_runs_as_a_module() -> None:
    """`python -m jobs` is the command line, with its exit codes."""
    command = [sys.executable, "-m", "jobs", "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (2, "doctor: not built yet\n")
