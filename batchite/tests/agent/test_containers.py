"""Attempts in containers: with a stand-in for docker everywhere, with podman where it runs."""

import dataclasses
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from agent.engines import IMAGE, fake_engine, real_engine
from agent.nodes import Node, Running, wait_until

from batchite.agent.engine import Engine, find_engine, missing
from batchite.agent.launch import Bind, Container, Image, Launch
from batchite.agent.runner import Ended
from batchite.agent.transfer import TransferError
from batchite.agent.users import TaskUser
from batchite.batch.containers import run_options

pytestmark = pytest.mark.ours
HERE = Image(IMAGE)


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where podman keeps the image of all tests."""
    return tmp_path_factory.mktemp("podman")


@pytest.fixture
def podman(storage: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The machine's own."""
    return real_engine(storage, monkeypatch)


@pytest.fixture(params=["fake", "podman"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Either engine."""
    found: Engine = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The stand-in."""
    return fake_engine(tmp_path, monkeypatch)


@pytest.fixture
def node(tmp_path: Path, engine: Engine) -> Iterator[Node]:
    """A node with that engine; no container is left on it."""
    yield from _node(tmp_path, engine)


def _node(tmp_path: Path, engine: Engine) -> Iterator[Node]:
    (tmp_path / "node").mkdir()
    node = Node(tmp_path / "node", engine=engine)
    yield node
    assert _listed(node) == []


def _listed(node: Node) -> list[str]:
    assert node.engine is not None
    return node.engine.call("ps", "--all", "--quiet", "--filter", f"label=batchite.nodes={node.root}").output.split()


def _launch(node: Node, command_line: str, image: Image = HERE, **container: Any) -> Launch:
    found = Container(image, container.pop("binds", (Bind(str(node.root)),)), **container)
    return dataclasses.replace(node.launch(command_line), container=found)


def _run(node: Node, command_line: str, **container: Any) -> Ended:
    return node.attempt(_launch(node, command_line, **container)).run()


def test_a_task_in_a_container(node: Node) -> None:
    """Its output, its exit code, its directory under the same path, its variables; the container is gone afterwards."""
    script = "/bin/sh -c 'echo $AZ_BATCH_TASK_DIR; pwd; echo made > made.txt; echo err >&2; exit 3'"
    ended = _run(node, script)
    assert node.stdout.splitlines() == [str(node.task), str(node.task / "wd")]
    assert (node.task / "wd" / "made.txt").read_text() == "made\n"
    assert (node.task / "stderr.txt").read_text() == "err\n"
    assert ended.exit_code == 3
    assert ended.failure is not None
    assert (ended.failure.code, ended.retryable) == ("FailureExitCode", True)
    assert ended.container is not None
    assert ended.container.id
    assert (ended.container.state, ended.container.error) == ("exited", "")


def test_variables_of_several_lines_reach_the_container(node: Node) -> None:
    """An engine's file of variables has no such thing."""
    launch = _launch(node, "/bin/sh -c 'echo \"$TEXT\"'")
    environment = {**launch.environment, "TEXT": "one\ntwo = 2"}
    assert node.attempt(dataclasses.replace(launch, environment=environment)).run().failure is None
    assert node.stdout == "one\ntwo = 2\n"


def test_a_program_that_the_image_does_not_have(node: Node) -> None:
    """The documented code, and nothing to retry."""
    ended = _run(node, "/no/such/program")
    assert ended.failure is not None
    assert (ended.failure.code, ended.retryable) == ("CommandProgramNotFound", False)


def test_an_image_that_is_nowhere(node: Node) -> None:
    """It is in no registry that can be reached."""
    ended = _run(node, "/bin/true", image=Image("127.0.0.1:1/none:1"))
    assert ended.failure is not None
    assert (ended.failure.code, ended.exit_code) == ("ContainerInvalidImage", None)


def test_settings_that_the_engine_refuses(node: Node) -> None:
    """Its own words are in the details."""
    ended = _run(node, "/bin/true", options=("--memory=much",))
    assert ended.failure is not None
    assert ended.failure.code == "ContainerInvalidSettings"
    assert ended.failure.details[0].value


@pytest.mark.parametrize("how", ["stop", "wall clock"])
def test_what_runs_in_a_container_ends_with_its_attempt(node: Node, how: str) -> None:
    """Stopped or over its time: nothing of it runs when the attempt is over."""
    launch = _launch(node, "/bin/sh -c 'echo begun; sleep 1000'")
    if how == "wall clock":
        ended = node.attempt(dataclasses.replace(launch, wall_clock=0.5)).run()
    else:
        running = Running(node.attempt(launch))
        wait_until(lambda: node.started and node.stdout == "begun\n", "the container has begun")
        running.attempt.stop()
        ended = running.end()
    assert ended.failure is not None
    assert ended.failure.code == "TaskEnded"
    assert _listed(node) == []
    wait_until(lambda: not _marked(node), "no process of the container is left")


def _marked(node: Node) -> str:
    return subprocess.run(["pgrep", "-f", f"begun.*{node.root}"], capture_output=True, text=True, check=False).stdout


def test_a_server_after_a_kill_removes_what_the_dead_one_left(node: Node) -> None:
    """Containers are found by the label with the node root; those of another root stay."""
    assert node.engine is not None
    running = Running(node.attempt(_launch(node, "/bin/sh -c 'sleep 1000'")))
    wait_until(lambda: node.started, "the container has begun")
    node.engine.remove_all(node.root / "other")
    assert len(_listed(node)) == 1
    node.engine.remove_all(node.root)
    assert _listed(node) == []
    running.end()


def test_parts_of_the_node_can_be_all_that_a_container_sees(tmp_path: Path, podman: Engine) -> None:
    """What is read-only cannot be written; what is not named is not there."""
    for node in _node(tmp_path, podman):
        shared = node.root / "shared"
        shared.mkdir()
        (shared / "known").write_text("yes")
        (node.root / "hidden").write_text("no")
        binds = (Bind(str(node.task)), Bind(str(shared), read_only=True))
        script = f"/bin/sh -c 'cat {shared}/known; cat {node.root}/hidden; echo x > {shared}/new; exit 0'"
        assert _run(node, script, binds=binds).failure is None
        assert node.stdout == "yes"
        assert not (shared / "new").exists()


def test_a_container_runs_as_the_user_of_all_tasks(podman: Engine) -> None:
    """Files that it makes are that user's."""
    with TemporaryDirectory() as place:  # one that this user may enter, which pytest's own is not
        for node in _node(Path(place), podman):
            node.user = TaskUser(node.user.path, 65534, 65534)
            Path(place).chmod(0o755)
            node.root.chmod(0o777)
            assert _run(node, "/bin/sh -c 'id -u; grep NoNewPrivs /proc/self/status; echo x > made'").failure is None
            assert node.stdout == "65534\nNoNewPrivs:\t1\n"  # nor can a program of the image get it more rights
            assert (node.task / "wd" / "made").stat().st_uid == 65534


def test_an_image_is_pulled_with_the_registrys_user(fake: Engine, tmp_path: Path) -> None:
    """The password is in no argument, and the machine's own login is not touched."""
    state = tmp_path / "fake"
    (state / "registry").write_text("private.example/a:1\n")
    with pytest.raises(TransferError) as caught:
        fake.provide(Image("private.example/a:1", "private.example"), threading.Event())
    assert caught.value.failure.code == "ContainerInvalidRegistry"
    image = Image("private.example/a:1", "private.example", "me", "SECRET")
    assert "SECRET" not in repr(image)
    fake.provide(image, threading.Event())
    assert json.loads((state / "login").read_text()) == {"auths": {"private.example": {"auth": "bWU6U0VDUkVU"}}}


def test_no_registry_takes_the_identities_of_nodes(fake: Engine) -> None:
    """An image that is here already needs none; for another the failure says what to do."""
    fake.provide(Image(IMAGE, identity="/subscriptions/s/…/tasks"), threading.Event())
    with pytest.raises(TransferError, match="registry") as caught:
        fake.provide(Image("acr.example/a:1", identity="/subscriptions/s/…/tasks"), threading.Event())
    assert "beforehand" in caught.value.failure.details[1].value


def test_a_client_without_its_daemon_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each choice that finds none says what is missing."""
    for name in ("docker", "podman"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for choice in ("auto", "docker", "podman", "none"):
        assert find_engine(choice) is None
        assert ("docker" in missing(choice)) or choice == "podman"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("--rm --workdir /tmp -e A=b --env=C=d", ("--workdir=/tmp", "--env=A=b", "--env=C=d")),
        ("-m 1g --net none --init", ("--memory=1g", "--network=none", "--init")),
        ("--entrypoint '/bin/sh -c'", ("--entrypoint=/bin/sh -c",)),
    ],
)
def test_options_that_change_nothing_of_the_host_are_passed_on(text: str, expected: tuple[str, ...]) -> None:
    """In one form, so that no value is taken for an option."""
    assert run_options(text, allow_host_changes=False) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("--privileged", "-v /:/host", "--volume=/:/host", "--mount type=bind,source=/,target=/h", "--pid host"),
        *("--network container:other", "--cap-add SYS_ADMIN", "--device /dev/sda", "--ipc=host", "--uts host"),
        *("--security-opt seccomp=unconfined", "--user root", "-u0", "--userns host", "--name other", "-it", "image"),
        *("--env SECRET", "-e SECRET", "--memory", "--restart always", "'"),
    ],
)
def test_options_that_could_change_the_host_are_refused(text: str) -> None:
    """Also those that are not known, and those that would hand on the server's own variables."""
    with pytest.raises(ValueError, match=r".+"):
        run_options(text, allow_host_changes=False)


def test_with_host_changes_allowed_every_option_passes() -> None:
    """It is the engine that judges then."""
    assert run_options("--privileged -v /:/host", allow_host_changes=True) == ("--privileged", "-v", "/:/host")
