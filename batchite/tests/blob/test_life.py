"""The Azurite process over its life: accounts, restarts, kills, orphans, the ledger."""

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batchite.blob.ledger import Ledger
from batchite.blob.locate import Tools
from batchite.blob.lock import DirectoryInUseError
from batchite.blob.orphan import name_of
from batchite.blob.process import BlobStoreError
from batchite.blob.service import BlobService
from batchite.storage.memory import MemoryStore

pytestmark = pytest.mark.ours

KEYS = (base64.b64encode(b"k1").decode(), base64.b64encode(b"k2").decode())


def eventually(predicate: Callable[[], Any], seconds: float = 20.0) -> Any:
    """The predicate's answer once it is true."""
    deadline = time.monotonic() + seconds
    while not (answer := predicate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return answer


def put(server: Any, container: str, name: str, content: bytes = b"x") -> str:
    """Upload through the gateway; the ETag."""
    blob = server.client("shop", server.caller("writer")).get_blob_client(container, name)
    return str(blob.upload_blob(content, overwrite=True)["etag"])


def saved(server: Any, name: str) -> bool:
    """Whether Azurite's metadata on disk knows the blob."""
    return name in (server.directory / "blob" / "__azurite_db_blob__.json").read_text()


def test_containers(server: Any) -> None:
    """Containers are created, found, listed and deleted; doing it twice is no error."""
    service = server.service
    for _ in range(2):
        server.run(service.create_container("shop", "twice"))
    assert server.run(service.container_exists("shop", "twice"))
    assert "twice" in server.run(service.list_containers("shop"))
    for _ in range(2):
        server.run(service.delete_container("shop", "twice"))
    assert not server.run(service.container_exists("shop", "twice"))


def test_account_without_restart(server: Any) -> None:
    """A new account works at once in the same process, and is gone with its blobs when removed."""
    service, pid = server.service, server.service.process.pid
    server.policy.key_accounts.add("fresh")
    server.run(service.ensure("fresh", KEYS))
    server.run(service.create_container("fresh", "con"))
    client = server.client("fresh", KEYS[0])
    client.get_blob_client("con", "b").upload_blob(b"x")
    server.run(service.remove("fresh"))
    assert service.process.pid == pid
    with pytest.raises(Exception, match="ResourceNotFound"):
        list(client.list_containers())
    server.run(service.ensure("fresh", KEYS))
    assert server.run(service.list_containers("fresh")) == []


def test_published_account_does_not_exist(server: Any) -> None:
    """Azurite's well-known account is never there, also with no account at all."""
    with pytest.raises(Exception, match="ResourceNotFound"):
        list(server.client("devstoreaccount1", KEYS[0]).list_containers())


@pytest.mark.parametrize(("account", "keys"), [("A;b", KEYS), ("ok1", ("a:b", "c")), ("xy", KEYS)])
def test_malformed_accounts(server: Any, account: str, keys: tuple[str, str]) -> None:
    """Names and keys that Azurite could misread are refused before they get there."""
    with pytest.raises(ValueError, match="account"):
        server.run(server.service.ensure(account, keys))


def test_kill_of_azurite(server: Any, container: str) -> None:
    """After `kill -9` Azurite comes back with what it had saved, and the callback runs."""
    etag = put(server, container, "kept-on-kill")
    eventually(lambda: saved(server, "kept-on-kill"))
    pid, restarts = server.service.process.pid, server.restarts
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: server.restarts > restarts)
    assert server.service.process.pid != pid
    found = server.run(server.service.find_blob("shop", container, "kept-on-kill"))
    assert found.etag == etag


def test_requests_wait_for_a_restart(server: Any, container: str) -> None:
    """A request during a restart is served by the new process."""
    put(server, container, "before")
    eventually(lambda: saved(server, container))
    pid = server.service.process.pid
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: server.service.process.pid != pid)
    put(server, container, "after")


def test_ledger_finds_what_a_kill_lost(server: Any, container: str) -> None:
    """Of the uploads reported, those that are gone are told, unless with their account; the ledger is then empty."""
    ledger, now = Ledger(MemoryStore(), lambda: now[0]), [time.time() - 1000]
    ledger.record("shop", container, "old", '"0"')
    now[0] = time.time()
    ledger.record("shop", container, "there", put(server, container, "there"))
    ledger.record("shop", container, "gone", '"0x1"')
    ledger.record("closed", container, "went with its account", '"0x1"')
    lost = server.run(ledger.lost(server.service.find_blob, server.service.serves))
    assert [entry.name for entry in lost] == ["gone"]
    assert server.run(ledger.lost(server.service.find_blob, server.service.serves)) == []


def test_restart_keeps_everything(tmp_path: Path, tools: Tools) -> None:
    """An orderly stop loses nothing, and is told from an unclean one."""

    async def scenario() -> None:
        for run in range(2):
            service = BlobService(tmp_path / "blob", tmp_path / "log" / "azurite.log", tools)
            await service.ensure("shop", KEYS)
            await service.start()
            assert not service.unclean
            if run == 0:
                await service.create_container("shop", "kept")
            assert await service.list_containers("shop") == ["kept"]
            await service.stop()

    asyncio.run(scenario())
    assert (tmp_path / "blob").stat().st_mode & 0o777 == 0o700


def test_start_failure_is_told(tmp_path: Path, tools: Tools) -> None:
    """Azurite that cannot start is an error that points at its log, and the directory is free again."""
    broken = Tools(tools.node, tmp_path)

    async def scenario() -> None:
        service = BlobService(tmp_path / "blob", tmp_path / "log" / "azurite.log", broken)
        with pytest.raises(BlobStoreError, match=r"azurite\.log"):
            await service.start()
        working = BlobService(tmp_path / "blob", tmp_path / "log" / "azurite.log", tools)
        await working.start()
        await working.stop()

    asyncio.run(scenario())
    assert "failed to start" in (tmp_path / "log" / "azurite.log").read_text()


OTHER_SERVER = """
import asyncio, sys
from pathlib import Path
from batchite.blob.locate import Tools
from batchite.blob.service import BlobService

async def main(directory, node, azurite):
    service = BlobService(Path(directory), Path(directory) / "azurite.log", Tools(Path(node), Path(azurite)))
    await service.ensure("shop", ("azE=", "azI="))
    await service.start()
    await service.create_container("shop", "kept")
    print(service.process.pid, flush=True)
    await asyncio.sleep(3600)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def other(tmp_path: Path, tools: Tools) -> Any:
    """A server in a process of its own, and its Azurite's pid."""
    command = [sys.executable, "-c", OTHER_SERVER, str(tmp_path / "blob"), str(tools.node), str(tools.azurite)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        yield process, int(process.stdout.readline())
        process.kill()


def test_two_servers_on_one_directory(tmp_path: Path, tools: Tools, other: Any) -> None:
    """The second server on a data directory is refused with the pid of the one that owns it."""
    service = BlobService(tmp_path / "blob", tmp_path / "azurite.log", tools)
    with pytest.raises(DirectoryInUseError, match=str(other[0].pid)):
        asyncio.run(service.start())


@pytest.mark.parametrize("frozen", [False, True])
def test_orphan_of_a_killed_server(
    tmp_path: Path, tools: Tools, other: Any, monkeypatch: pytest.MonkeyPatch, frozen: bool
) -> None:
    """After `kill -9` of the server its Azurite ends by itself, or is ended by the next start when it hangs."""
    process, azurite = other
    monkeypatch.setattr("batchite.blob.lock.GRACE_SECONDS", 0.2)
    eventually(lambda: "kept" in (tmp_path / "blob" / "__azurite_db_blob__.json").read_text())
    if frozen:
        os.kill(azurite, signal.SIGSTOP)
    process.kill()
    process.wait()

    async def scenario() -> None:
        service = BlobService(tmp_path / "blob", tmp_path / "azurite.log", tools)
        await service.ensure("shop", KEYS)
        await service.start()
        assert service.unclean
        assert await service.list_containers("shop") == ["kept"]
        await service.stop()

    asyncio.run(scenario())
    eventually(lambda: name_of(azurite) is None)


def test_secrets_are_in_no_file_or_command_line(server: Any) -> None:
    """Keys reach Azurite over its stdin only."""
    pid = server.service.process.pid
    key = base64.b64encode(b"first key")
    shown = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    assert key not in shown
    assert key not in (server.directory / "log" / "azurite.log").read_bytes()
    assert json.loads((server.directory / "blob" / "azurite.json").read_bytes())["azurite"]["pid"] == pid
