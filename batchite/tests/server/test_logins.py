"""Logging in to nodes: real clients, real processes."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from servers import RunningServer, server, wait_until
from visitors import Visitor, node_of, visitor

pytestmark = pytest.mark.ours

POOL = "visited"


@pytest.fixture(scope="module")
def node(running: RunningServer) -> str:
    """A node."""
    return node_of(running.client(), POOL)


@pytest.fixture
def ann(running: RunningServer, node: str, tmp_path: Path) -> Iterator[Visitor]:
    """A user of the node, with a key; deleted afterwards."""
    yield visitor(running, POOL, node, tmp_path)
    running.client().delete_node_user(POOL, node, "ann")


def test_a_command_runs_in_the_nodes_directory_as_the_user_of_tasks(ann: Visitor, node: str) -> None:
    """With the node's variables and none of the server's; its exit code comes back."""
    ran = ann.run("pwd; id -u; echo $AZ_BATCH_POOL_ID/$AZ_BATCH_NODE_ID $AZ_BATCH_TASK_ID$SECRET_OF_THE_SERVER; exit 7")
    directory, uid, names = ran.out.splitlines()
    assert (ran.code, Path(directory).name, names.strip()) == (7, node, f"{POOL}/{node}")
    assert os.geteuid() != 0 or int(uid) != 0


def test_input_output_and_errors_have_their_own_ways(ann: Visitor) -> None:
    """More than any buffer holds, both ways."""
    given = "x" * 1_000_000
    ran = ann.run("cat; echo apart >&2", given)
    assert (ran.code, ran.out == given, ran.err) == (0, True, "apart\n")


def test_files_come_and_go(ann: Visitor, tmp_path: Path) -> None:
    """By scp, which speaks sftp; what the tasks' user may not write, is refused."""
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(3_000_000))
    ann.copy(source, "shared/copied file")
    ann.copy("shared/copied file", back)
    assert back.read_bytes() == source.read_bytes()

    async def work(connection: asyncssh.SSHClientConnection) -> list[str]:
        async with connection.start_sftp_client() as client:
            await client.mkdir("shared/folder")
            await client.rename("shared/copied file", "shared/folder/ä")
            await client.chmod("shared/folder/ä", 0o600)
            assert (await client.stat("shared/folder/ä")).permissions == 0o100600
            await connection.run("ln -s folder/ä shared/link")
            assert await client.readlink("shared/link") == "folder/ä"
            with pytest.raises(asyncssh.SFTPError):
                await client.rmdir("shared/folder")
            with pytest.raises(asyncssh.SFTPNoSuchFile):
                await client.stat("shared/none")
            with pytest.raises(asyncssh.SFTPPermissionDenied):
                await client.put(str(source), "/etc/batchite")
            return sorted(str(name) for name in await client.listdir("shared/folder"))

    if os.geteuid() == 0:
        assert ann.visit(work) == [".", "..", "ä"]
    assert ann.run("rm -rf shared/*").code == 0


def test_a_terminal_is_one(ann: Visitor) -> None:
    """It has a size, which changes; Ctrl-C interrupts what runs, not the shell."""

    async def work(connection: asyncssh.SSHClientConnection) -> str:
        shell = await connection.create_process(term_type="xterm", term_size=(80, 24))
        shell.stdin.write("stty size; echo $TERM\n")
        await shell.stdout.readuntil("24 80\r\n")
        await shell.stdout.readuntil("xterm\r\n")
        shell.change_terminal_size(100, 30)
        shell.stdin.write("sh -c 'echo go; exec sleep 600'\n")
        await shell.stdout.readuntil("go\r\n")  # it runs: the shell itself would drop what is typed too early
        shell.stdin.write("\x03")
        await shell.stdout.readuntil("^C")
        shell.stdin.write("stty size\n")
        await shell.stdout.readuntil("30 100\r\n")
        shell.stdin.write("exit 5\n")
        await shell.wait_closed()
        return str(shell.returncode)

    assert ann.visit(work) == "5"


def test_signals_reach_the_command_and_are_reported(ann: Visitor) -> None:
    """A command that a signal ended has no exit code."""

    async def work(connection: asyncssh.SSHClientConnection) -> Any:
        command = await connection.create_process("echo ready; exec sleep 600")
        await command.stdout.readuntil("ready\n")
        command.send_signal("TERM")
        await command.wait_closed()
        return command.exit_signal

    assert ann.visit(work)[0] == "TERM"


def test_ports_are_forwarded_on_this_machine_only(ann: Visitor) -> None:
    """Both ways; not to anywhere else."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]

    def answer() -> None:
        for _ in range(2):
            visit, _ = listening.accept()
            with visit:
                visit.sendall(visit.recv(100).upper())

    thread = threading.Thread(target=answer)
    thread.start()

    async def work(connection: asyncssh.SSHClientConnection) -> list[bytes]:
        there = await connection.forward_local_port("127.0.0.1", 0, "localhost", port)
        here = await connection.forward_remote_port("localhost", 0, "127.0.0.1", port)
        found = [await said(there.get_port()), await said(here.get_port())]
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("192.0.2.1", 80)
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_port("0.0.0.0", 0, "127.0.0.1", port)  # noqa: S104 - it is refused
        return found

    assert ann.visit(work) == [b"HELLO", b"HELLO"]
    thread.join()
    listening.close()


async def said(port: int) -> bytes:
    """What a port answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello")
    answer = await reader.read(100)
    writer.close()
    return answer


def test_nothing_of_a_session_outlives_it(ann: Visitor, running: RunningServer) -> None:
    """Neither what it left in the background when it ended, nor what ran when the client left."""

    def left() -> list[str]:
        return [command for command in running.processes().values() if "sleep 54321" in command]

    assert ann.run("setsid sleep 54321 >/dev/null 2>&1 </dev/null & echo").code == 0
    wait_until(lambda: not left(), "what was in the background has ended")

    async def work(connection: asyncssh.SSHClientConnection) -> None:
        command = await connection.create_process("echo ready; sleep 54321")
        await command.stdout.readuntil("ready\n")
        assert left()

    ann.visit(work)
    wait_until(lambda: not left(), "what ran when the client left has ended")


def test_who_is_let_in(running: RunningServer, node: str, tmp_path: Path) -> None:
    """A user with the password or key, until expiry or deletion; a wrong password, another key, no other name."""
    client = running.client()
    ann = visitor(running, POOL, node, tmp_path, password="of this test")

    async def whoami(connection: asyncssh.SSHClientConnection) -> str:
        return str((await connection.run("echo $USER")).stdout).strip()

    assert ann.visit(whoami) == ann.visit(whoami, password="of this test") == "ann"
    refused: list[Any] = [{"password": "another"}, {"client_keys": [asyncssh.generate_private_key("ssh-ed25519")]}]
    for credentials in refused:
        with pytest.raises(asyncssh.PermissionDenied):
            ann.visit(whoami, **credentials)
    with pytest.raises(asyncssh.PermissionDenied):
        Visitor(tmp_path, ann.host, ann.port, "bob").visit(whoami, password="of this test")

    def in_vain() -> bool:
        try:
            ann.visit(whoami)
        except asyncssh.PermissionDenied:
            return True
        return False

    new: Any = {"password": "of this test"}
    client.replace_node_user(POOL, node, "ann", new)
    assert ann.visit(whoami, password="of this test") == "ann"
    assert in_vain(), "the key was not given again"
    key, soon = (tmp_path / "key.pub").read_text(), datetime.now(UTC) + timedelta(seconds=3)
    client.replace_node_user(POOL, node, "ann", new | {"sshPublicKey": key, "expiryTime": soon.isoformat()})
    wait_until(in_vain, "the user has expired")
    client.delete_node_user(POOL, node, "ann")
    with pytest.raises(asyncssh.PermissionDenied):
        ann.visit(whoami, password="of this test")


def test_a_reboot_ends_sessions_and_keeps_users(running: RunningServer, tmp_path: Path) -> None:
    """The node shows the same key and port afterwards; the server's log holds no secret."""
    client = running.client()
    name = "rebooted-with-users"
    node = node_of(client, name)
    ann = visitor(running, name, node, tmp_path, password="never in a log")

    async def work(connection: asyncssh.SSHClientConnection) -> None:
        command = await connection.create_process("echo ready; sleep 600")
        await command.stdout.readuntil("ready\n")
        option: Any = {"nodeRebootOption": "requeue"}
        await asyncio.to_thread(lambda: client.begin_reboot_node(name, node, option, polling_interval=1).result())
        await connection.wait_closed()

    ann.visit(work)
    assert node_of(client, name) == node
    assert ann.run("echo again").out == "again\n"
    found = client.get_node(name, node).endpoint_configuration
    assert found is not None
    assert [(end.backend_port, end.frontend_port) for end in found.inbound_endpoints] == [(22, ann.port)]
    assert "never in a log" not in running.log.read_text()


def test_a_node_keeps_its_port_key_and_users_after_a_kill(tmp_path: Path) -> None:
    """Clients that have accepted the key before accept it again."""
    with server("--time-scale=600") as started:
        node = node_of(started.client(), POOL)
        ann = visitor(started, POOL, node, tmp_path)
        assert ann.run("exit 3").code == 3
        started.kill()
        started.start()
        assert started.client().get_node_remote_login_settings(POOL, node).remote_login_port == ann.port
        assert ann.run("exit 4").code == 4
