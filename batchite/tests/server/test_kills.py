"""Random work on a real server that is killed in between: what real processes did is compared with what it reports.

`KILLS=20` tries more; `make fuzz` does.
"""

import contextlib
import os
import shutil
import signal
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure.batch import models
from azure.core.exceptions import HttpResponseError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from servers import RunningServer, job, pool, wait_until

SLOTS = 2
HELD = 99
"""The exit code of an attempt that found another one of its task still running."""
KINDS = {"short": "true", "fails": "exit 1", "long": "sleep 1"}


@dataclass
class Known:
    """What is known of a task without asking the server."""

    kind: str
    retries: int
    disturbed: int = 0  # kills, preemptions and reboots since it was acknowledged: each may requeue it once
    ended_by_client: bool = False


class Kills(RuleBasedStateMachine):
    """Clients, a failing platform and an operator who kills the server."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="batchite-test-"))
        self.root.chmod(0o711)
        self.running = RunningServer(self.root, "--time-scale=600")
        self.known: dict[str, Known] = {}
        self.number = 0

    @initialize()
    def create(self) -> None:
        """A pool with a dedicated and a Spot node, and a job."""
        client = self.running.client()
        client.create_pool(pool("pool", dedicated=1, spot=1, slots=SLOTS))
        client.create_job(job("job", "pool"))

    @rule(kind=st.sampled_from(sorted(KINDS)), retries=st.integers(0, 2), count=st.integers(1, 5))
    def add(self, kind: str, retries: int, count: int) -> None:
        """Some tasks of a kind. Each holds a lock of its own while it runs, and notes its begin and its end."""
        names = [f"{kind}{self.number + index}" for index in range(count)]
        self.number += count
        self.running.client().create_tasks("job", [self._task(name, KINDS[kind], retries) for name in names])
        self.known.update({name: Known(kind, retries) for name in names})

    @precondition(lambda self: self.known)
    @rule(data=st.data(), delete=st.booleans())
    def end(self, data: st.DataObject, delete: bool) -> None:
        """A client terminates or deletes a task."""
        name = data.draw(st.sampled_from(sorted(self.known)))
        client = self.running.client()
        if delete:
            client.delete_task("job", name)
            del self.known[name]
            return
        with contextlib.suppress(HttpResponseError):  # it may be completed
            client.terminate_task("job", name)
            self.known[name].ended_by_client = True

    @rule()
    def preempt(self) -> None:
        """The platform takes the Spot node, if there is one that is up."""
        self._disturb()
        self.running.cli("chaos", "preempt", "pool")

    @rule()
    def reboot(self) -> None:
        """A client reboots a node, if one is up."""
        self._disturb()
        client = self.running.client()
        option: Any = {"nodeRebootOption": "requeue"}
        for node in list(client.list_nodes("pool"))[:1]:
            with contextlib.suppress(HttpResponseError):
                client.begin_reboot_node("pool", node.id or "", option)

    @rule()
    def kill(self) -> None:
        """SIGKILL of the server, in the middle of whatever it does; its tasks run on until the next start."""
        self._disturb()
        self.running.kill()
        self.running.start()

    @invariant()
    def consistent(self) -> None:
        """Every acknowledged task is there once, and what the server says is what the processes do."""
        tasks, counts = self._snapshot()
        names = [found.id or "" for found in tasks]
        assert sorted(names) == sorted(set(names)), "a task is listed twice"
        assert set(names) >= set(self.known), "an acknowledged task is lost"
        states = Counter(str(found.state) for found in tasks)
        assert (counts.active, counts.completed) == (states["active"], states["completed"])
        assert counts.running == states["running"] + states["preparing"]
        completed = {found.id for found in tasks if found.state == "completed"}
        at_work = self._at_work()
        assert not completed & {name for names_ in at_work.values() for name in names_}, "it runs after its end"
        assert all(len(names_) <= SLOTS for names_ in at_work.values()), f"more than {SLOTS} slots: {at_work}"
        for found in tasks:
            if found.id in self.known:
                self._counts_fit(found, self.known[found.id])

    def teardown(self) -> None:
        """Left in peace, everything completes as it should; then nothing of the server is left."""
        try:
            if self.known:
                self._peace()
            self.running.terminate()
            wait_until(lambda: not self.running.processes(), "nothing is left")
        finally:
            for pid in self.running.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.root, ignore_errors=True)

    def _peace(self) -> None:
        client = self.running.client()
        wait_until(lambda: not client.get_job_task_counts("job").task_counts.active, "no task waits", 120)
        wait_until(lambda: not client.get_job_task_counts("job").task_counts.running, "no task runs", 120)
        self.consistent()
        for found in client.list_tasks("job"):
            known, info = self.known[found.id or ""], found.execution_info
            assert info is not None
            if known.ended_by_client:
                continue
            assert info.exit_code == int(known.kind == "fails")
            assert info.retry_count == (known.retries if known.kind == "fails" else 0)
            ends = self._notes(found.id or "")["end"]
            assert info.retry_count + 1 <= ends <= info.retry_count + 1 + info.requeue_count

    def _counts_fit(self, found: models.BatchTask, known: Known) -> None:
        """As many attempts as retries and requeues explain; a task was requeued for a reason."""
        info = found.execution_info
        assert info is not None
        assert info.exit_code != HELD, f"{found.id}: two attempts at once"
        assert info.requeue_count <= known.disturbed, f"{found.id}: requeued without a reason"
        assert info.retry_count <= (known.retries if known.kind == "fails" else 0), f"{found.id}: retried too often"
        assert self._notes(found.id or "")["begin"] <= 1 + known.retries + known.disturbed

    def _snapshot(self) -> tuple[list[models.BatchTask], models.BatchTaskCounts]:
        """The tasks and their counts at a moment in which no task changed its state."""
        client = self.running.client()

        def steady() -> Any:
            before = list(client.list_tasks("job"))
            counts, after = client.get_job_task_counts("job").task_counts, list(client.list_tasks("job"))
            same = [(one.id, one.state, one.state_transition_time) for one in before]
            return same == [(one.id, one.state, one.state_transition_time) for one in after] and (before, counts)

        found: tuple[list[models.BatchTask], models.BatchTaskCounts] = wait_until(steady, "no state changes")
        return found

    def _at_work(self) -> dict[str, set[str]]:
        """The tasks that have a process, by node."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for pid in self.running.processes():
            with contextlib.suppress(OSError):
                entries = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
                variables = dict(entry.partition("=")[::2] for entry in entries)
                if "AZ_BATCH_TASK_ID" in variables:
                    found[variables["AZ_BATCH_NODE_ID"]].add(variables["AZ_BATCH_TASK_ID"])
        return found

    def _task(self, name: str, work: str, retries: int) -> models.BatchTaskCreateOptions:
        notes = self.running.shared / name
        inner = f"echo begin >> {notes}; ({work}); code=$?; echo end >> {notes}; exit $code"
        return models.BatchTaskCreateOptions(
            id=name,
            command_line=f"flock -n -E {HELD} {notes}.lock /bin/sh -c '{inner}'",
            constraints=models.BatchTaskConstraints(max_task_retry_count=retries),
        )

    def _notes(self, name: str) -> Counter[str]:
        notes = self.running.shared / name
        return Counter(notes.read_text().split() if notes.exists() else ())

    def _disturb(self) -> None:
        for known in self.known.values():
            known.disturbed += 1


Kills.TestCase.settings = settings(
    max_examples=int(os.environ.get("KILLS", "2")),
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestKills = pytest.mark.ours(Kills.TestCase)
