"""Application packages: what a version is, how it is published and pruned, and what the program asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dill  # type: ignore[import-untyped]  # carries no types
import pulumi
import pytest
from azure.core.exceptions import ServiceRequestError

from components import package_version, packing, resource_manager
from components.config import parse
from components.package_version import PackageError, PackageVersionProvider, publish
from components.resource_manager import PUBLIC, ResourceManager, cloud
from components.validation import SettingsError
from tests.components.harness import PROJECT, deploy
from tests.components.test_packing import packed, program
from tests.components.test_settings import EXAMPLE

pytestmark = pytest.mark.ours

ACCOUNT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Batch/batchAccounts/batch"
APPLICATION = f"{ACCOUNT}/applications/tool"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A program."""
    return program(tmp_path / "tool")


class FakeCloud:
    """Resource Manager and blobs, as far as packages need them; it refuses what `broken` names, once each."""

    def __init__(self) -> None:
        self.versions: dict[str, dict[str, Any]] = {}
        self.pools: list[dict[str, Any]] = []
        self.blobs: dict[str, bytes] = {}
        self.broken: list[str] = []
        self.calls: list[str] = []
        self.clock = 0
        self.manager = ResourceManager(self.send)

    def send(self, method: str, url: str, _body: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """One request."""
        path = url.partition("?")[0].removeprefix(ACCOUNT)
        name = path.removeprefix("/applications/tool/versions").strip("/").removesuffix("/activate")
        self.calls.append(f"{method} {path.rpartition('/')[2]}")
        if method in self.broken:
            self.broken.remove(method)
            raise ServiceRequestError("connection lost")
        if path == "/pools":
            return {"value": self.pools}
        if not name:
            return {"value": [{"name": key, "properties": one} for key, one in self.versions.items()]}
        return getattr(self, method.lower())(name)  # type: ignore[no-any-return]

    def get(self, name: str) -> dict[str, Any] | None:
        """A version, or nothing."""
        return {"properties": self.versions[name]} if name in self.versions else None

    def put(self, name: str) -> dict[str, Any]:
        """A pending version with a signed address."""
        self.versions.setdefault(name, {"state": "Pending", "storageUrl": f"https://store/app-tool/{name}?sig=s3cr3t"})
        return {"properties": self.versions[name]}

    def post(self, name: str) -> None:
        """Activate it."""
        assert f"https://store/app-tool/{name}" in self.blobs
        self.clock += 1
        self.versions[name] = {"state": "Active", "lastActivationTime": f"{self.clock:09d}"}

    def delete(self, name: str) -> None:
        """Forget it."""
        self.versions.pop(name, None)

    def blob_client(self, url: str) -> Any:
        """Stands in for `blob.blob_client`."""
        return FakeBlob(self, url)

    def refer(self, version: str) -> None:
        """A pool that refers to a version."""
        packages = [{"id": APPLICATION.upper(), "version": version}]
        self.pools.append({"name": "p", "properties": {"applicationPackages": packages}})


class FakeBlob:
    """The one call that is used."""

    def __init__(self, cloud: FakeCloud, url: str) -> None:
        self.cloud, self.url = cloud, url

    def upload_blob(self, content: Any, *, overwrite: bool, max_concurrency: int) -> None:
        """Keep the content, unless the network breaks."""
        assert overwrite
        assert max_concurrency > 1
        if "upload" in self.cloud.broken:
            self.cloud.broken.remove("upload")
            raise ServiceRequestError("connection lost")
        self.cloud.blobs[self.url] = content.read()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
    """A cloud in place of the real one."""
    made = FakeCloud()
    monkeypatch.setattr(package_version, "blob_client", made.blob_client)
    monkeypatch.setattr(package_version, "connect", lambda: made.manager)
    return made


def props(folder: Path, keep: int = 2) -> dict[str, Any]:
    """The inputs of the present content."""
    return {
        "application": APPLICATION,
        "path": str(folder),
        "version": packing.version(folder),
        "keep": keep,
        "__provider": "code",
    }


def change(folder: Path, text: str, keep: int = 2) -> dict[str, Any]:
    """The inputs of another content."""
    (folder / "data.csv").write_text(text)
    return props(folder, keep)


def test_a_version_is_made_uploaded_and_activated(fake: FakeCloud, folder: Path) -> None:
    """In this order; the address has no signature in it, and neither has the state."""
    given = props(folder)
    made = PackageVersionProvider().create(given)
    assert [call.partition(" ")[0] for call in fake.calls[:3]] == ["GET", "PUT", "POST"]
    assert fake.blobs == {f"https://store/app-tool/{given['version']}": packed(folder)}
    assert fake.versions[given["version"]]["state"] == "Active"
    assert made.id == APPLICATION
    assert made.outs is not None
    assert set(made.outs) == {"application", "path", "version", "keep"}
    assert "s3cr3t" not in repr(made.outs)


@pytest.mark.parametrize("broken", ["PUT", "upload", "POST", "DELETE"])
def test_what_failed_in_the_middle_goes_on_with_the_next_up(fake: FakeCloud, folder: Path, broken: str) -> None:
    """Whatever breaks, the same call later ends as if nothing had happened, and uploads nothing twice."""
    provider = PackageVersionProvider()
    provider.create(change(folder, "0", keep=1))
    wanted = change(folder, "1", keep=1)
    fake.broken.append(broken)
    with pytest.raises((ServiceRequestError, PackageError)):
        provider.update(APPLICATION, {}, wanted)
    uploaded = dict(fake.blobs)
    provider.update(APPLICATION, {}, wanted)
    assert list(fake.versions) == [wanted["version"]]
    assert fake.versions[wanted["version"]]["state"] == "Active"
    if broken == "DELETE":
        assert fake.blobs == uploaded


def test_a_failed_upload_says_which_where_and_what_next(fake: FakeCloud, folder: Path) -> None:
    """The path, the address without its signature, the reason, and that the next run goes on."""
    fake.broken.append("upload")
    with pytest.raises(PackageError) as caught:
        PackageVersionProvider().create(props(folder))
    text = str(caught.value)
    for part in (str(folder), "https://store/app-tool/", "connection lost", "pulumi up"):
        assert part in text
    assert "s3cr3t" not in text


def test_what_has_changed_since_the_plan_is_not_published(fake: FakeCloud, folder: Path) -> None:
    """What was previewed is what is uploaded, or nothing."""
    given = props(folder)
    (folder / "data.csv").write_text("other")
    with pytest.raises(ValueError, match="has changed while it was being deployed"):
        PackageVersionProvider().create(given)
    assert fake.blobs == {}


def test_old_versions_are_pruned(fake: FakeCloud, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest stay, so do those that pools refer to, which is said, and those that have other names."""
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    fake.versions["by-hand"] = {"state": "Active", "lastActivationTime": "000000000"}
    made = [change(folder, str(number)) for number in range(4)]
    for number, one in enumerate(made):
        (folder / "data.csv").write_text(str(number))
        publish(fake.manager, one)
        if number == 0:
            fake.refer(one["version"])
    names = [one["version"] for one in made]
    assert set(fake.versions) == {"by-hand", names[0], names[2], names[3]}
    assert names[0] in warnings[-1]
    fake.pools.clear()
    (folder / "data.csv").write_text("1")
    publish(fake.manager, made[1] | {"keep": 1})
    assert set(fake.versions) == {"by-hand", names[1]}


def test_a_version_that_is_back_is_not_uploaded_again(fake: FakeCloud, folder: Path) -> None:
    """Going back to an earlier content is going back to its version, as long as it has not been pruned."""
    first, second = change(folder, "1"), change(folder, "2")
    publish(fake.manager, second)
    (folder / "data.csv").write_text("1")
    publish(fake.manager, first)
    fake.blobs.clear()
    publish(fake.manager, second)
    assert fake.blobs == {}
    assert set(fake.versions) == {first["version"], second["version"]}


def test_refresh_finds_and_destroy_deletes(fake: FakeCloud, folder: Path) -> None:
    """A version that someone has deleted is missed; destroying deletes all that are named after their content."""
    provider = PackageVersionProvider()
    given = props(folder)
    provider.create(given)
    assert provider.read(APPLICATION, given).id == APPLICATION
    fake.versions["by-hand"] = {"state": "Active"}
    provider.delete(APPLICATION, given)
    assert list(fake.versions) == ["by-hand"]
    assert provider.read(APPLICATION, given).id == ""
    provider.delete(APPLICATION, given)


@pytest.mark.parametrize(
    ("changes", "changed", "replaces"),
    [
        ({}, False, []),
        ({"path": "elsewhere"}, False, []),
        ({"version": "1"}, True, []),
        ({"keep": 3}, True, []),
        ({"application": "other"}, True, ["application"]),
    ],
)
def test_only_another_content_is_a_change(
    folder: Path, changes: dict[str, Any], changed: bool, replaces: list[str]
) -> None:
    """A preview shows nothing for the same content, wherever it lies."""
    found = PackageVersionProvider().diff(APPLICATION, props(folder), {**props(folder), **changes})
    assert (found.changes, found.replaces) == (changed, replaces)


def test_the_provider_is_kept_by_name() -> None:
    """Pulumi keeps a pickle of the provider in the state: by name it is the same after every change of its code."""
    pickled = dill.dumps(PackageVersionProvider(), recurse=True)
    assert b"components.package_version" in pickled
    assert len(pickled) < 200


def test_collections_are_read_to_their_end() -> None:
    """Page by page."""
    pages: dict[str, dict[str, Any]] = {
        "/c?api-version=2024-07-01": {"value": [{"name": "a"}], "nextLink": "next"},
        "next": {"value": [{"name": "b"}]},
    }
    found = ResourceManager(lambda _method, url, _body: pages[url]).list("/c")
    assert [one["name"] for one in found] == ["a", "b"]


def test_the_cloud_is_the_one_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """ARM_METADATA_HOSTNAME, as for azure-native; without it the public cloud, and nobody is asked."""
    assert cloud("") == PUBLIC
    asked: list[str] = []

    def metadata(host: str) -> dict[str, Any]:
        asked.append(host)
        return {"resourceManager": "https://arm.example/", "authentication": {"audiences": ["https://a/"]}}

    monkeypatch.setattr(resource_manager, "metadata", metadata)
    assert cloud("127.0.0.1:1") == ("https://arm.example", "https://a/")
    assert asked == ["https://127.0.0.1:1"]


def rules(**changes: Any) -> dict[str, str]:
    """What is wrong with the production example after changes to it, rule by key."""
    encoded = {key: value if isinstance(value, str) else json.dumps(value) for key, value in changes.items()}
    with pytest.raises(SettingsError) as caught:
        parse(PROJECT, {**EXAMPLE, **encoded}, (), (), (packing.problems,))
    return {problem.key.removeprefix(f"{PROJECT}:"): str(problem) for problem in caught.value.problems}


POOL = {"vmSize": "standard_d2s_v3", "maxDedicated": 1}
OPEN = {"publicAccess": {"allow": "anyone"}}


def test_a_pool_names_packages_that_there_are() -> None:
    """The error names key, value and rule, and which packages there are."""
    found = rules(pools={"main": {**POOL, "packages": ["tol"]}}, packages={"tool": {"path": "workloads"}}, **OPEN)
    assert found == {"pools.main.packages": found["pools.main.packages"]}
    assert "'tol'" in found["pools.main.packages"]
    assert found["pools.main.packages"].endswith("tool")


def test_packages_that_cannot_be_are_refused_together() -> None:
    """A missing folder, too few to keep, too many of a pool, a storage firewall: each by its key, at once."""
    two = {"tool": {"path": "workloads", "keep": 0}, "other": {"path": "nowhere"}}
    assert set(rules(packages=two, **OPEN)) == {"packages.tool.keep", "packages.other.path"}
    assert set(rules(packages={"tool": {"path": "workloads"}})) == {"packages"}
    crowd = {f"tool{number}": {"path": "workloads"} for number in range(21)}
    assert set(rules(packages=crowd, **OPEN)) == {"packages"}
    ten = [{"id": f"/a{number}"} for number in range(10)]
    many = {"main": {**POOL, "packages": ["tool"], "applicationPackages": ten}}
    assert set(rules(pools=many, packages={"tool": {"path": "workloads"}}, **OPEN)) == {"pools.main.packages"}


@pytest.mark.parametrize("preview", [False, True])
def test_the_program_deploys_packages(monkeypatch: pytest.MonkeyPatch, preview: bool) -> None:
    """Application, version, the nodes' role and the pool's reference, all known in a preview too."""
    pools = {"main": {**POOL, "packages": ["tool"]}}
    config = {"pools": json.dumps(pools), "packages": json.dumps({"tool": {"path": "workloads", "displayName": "T"}})}
    made = deploy(monkeypatch, "dev", config=config, preview=preview)
    version = packing.version(Path("workloads"))
    assert made.one("batch:Application")["allowUpdates"] is False
    published = made.one("PackageVersion")
    assert (published["version"], published["keep"], published["path"]) == (version, 2, "workloads")
    (reference,) = made.one("batch:Pool")["applicationPackages"]
    assert reference == {"id": published["application"], "version": version}
    assert reference["id"].endswith("/applications/tool")
    assert "nodes-packages" in made.of("authorization:RoleAssignment")
    assert made.outputs["packages"] == {"tool": reference}


def test_without_packages_nothing_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    """No application, and no further role of the nodes."""
    made = deploy(monkeypatch, "dev")
    assert made.of("batch:Application") == {}
    assert "nodes-packages" not in made.of("authorization:RoleAssignment")
