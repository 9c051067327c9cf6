"""Packages of the operating system, with stand-ins for its package managers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.start_tasks.node import Node, can_be_root, tools

pytestmark = pytest.mark.ours

# The stand-ins keep what is installed as files NAME holding the version; a manager's lock is a directory.
MANAGER = """
echo "${0##*/} $*" >>"$STATE/calls"
[[ -z ${DEBIAN_FRONTEND:-} ]] || echo "frontend $DEBIAN_FRONTEND" >>"$STATE/calls"
if [[ -e $STATE/failures ]] && read -r left <"$STATE/failures" && [[ $left -gt 0 ]]; then
    echo $((left - 1)) >"$STATE/failures"; echo "mirror is away" >&2; exit 100
fi
case " $* " in *" install "*) ;; *) exit 0 ;; esac
for word in "${@##-*}"; do
    case $word in "" | install | update | *::*) continue ;; esac
    [[ $word != no-such-package ]] || { echo "no-such-package" >&2; exit 1; }
    name=$word version=
    [[ ! $word =~ ^(.+)[=-]([0-9].*)$ ]] || name=${BASH_REMATCH[1]} version=${BASH_REMATCH[2]}
    echo "$version" >"$STATE/installed-$name"
done
"""
DPKG = """
[[ -e $STATE/installed-${!#} ]] || exit 1
read -r version <"$STATE/installed-${!#}"
echo "installed ${version:-1.0}"
"""
RPM = """
[[ -e $STATE/installed-${!#} ]] || exit 1
read -r version <"$STATE/installed-${!#}"
echo "installed ${version:-1.0} ${version:-1.0}-1.el9"
"""
SYSTEMCTL = 'echo "systemctl $*" >>"$STATE/calls"\n'
MANAGERS = {
    "apt-get": {"apt-get": MANAGER, "dpkg-query": DPKG, "systemctl": SYSTEMCTL},
    "dnf": {"dnf": MANAGER, "rpm": RPM, "systemctl": SYSTEMCTL},
}


class Packages:
    """A node with one package manager and nothing installed."""

    def __init__(self, node: Node, folder: Path, manager: str) -> None:
        self.node, self.manager, self.state = node, manager, folder / "state"
        self.state.mkdir()
        self.state.chmod(0o777)
        if not can_be_root():
            pytest.skip("this system lets nobody be root, not even in a namespace of their own")
        node.rights = "root"
        node.path = tools(folder / "bin", MANAGERS.get(manager, {}))
        node.environment |= {"STATE": str(self.state)}

    def calls(self, word: str) -> list[str]:
        """The calls of the manager that hold a word, in order."""
        path = self.state / "calls"
        return [line for line in path.read_text().splitlines() if word in line.split()] if path.exists() else []


@pytest.fixture(params=["apt-get", "dnf"])
def packages(request: pytest.FixtureRequest, node: Node, folder: Path) -> Packages:
    """On either kind of image."""
    return Packages(node, folder, request.param)


def test_missing_packages_are_installed_at_once(packages: Packages) -> None:
    """By one call that asks nothing, with the versions that were asked for."""
    done = packages.node.run("os_packages.sh", "htop", "jq=1.6")
    assert (done.code, done.err) == (0, "")
    (call,) = packages.calls("install")
    wanted = "-- htop jq=1.6" if packages.manager == "apt-get" else "-- htop jq-1.6"
    assert call.endswith(wanted)
    assert {"--yes", "--assumeyes"} & set(call.split())
    assert "installed: htop jq=1.6" in done.out


def test_what_is_installed_is_left_alone(packages: Packages) -> None:
    """A second run calls no package manager and needs no root; a missing package alone is installed."""
    packages.node.run("os_packages.sh", "htop", "jq=1.6")
    before = packages.calls("install")
    again = packages.node.run("os_packages.sh", "htop", "jq=1.6", BATCHITE_HOST_CHANGES="refused")
    assert (again.code, packages.calls("install")) == (0, before)
    assert "installed already: htop jq=1.6" in again.out
    packages.node.run("os_packages.sh", "htop", "curl", BATCHITE_HOST_CHANGES="")
    assert packages.calls("install")[-1].endswith("-- curl")


def test_another_version_than_the_installed_is_installed(packages: Packages) -> None:
    """A pinned version is what the node then has."""
    packages.node.run("os_packages.sh", "jq=1.6")
    assert packages.node.run("os_packages.sh", "jq=1.7").code == 0
    assert (packages.state / "installed-jq").read_text() == "1.7\n"


def test_a_mirror_that_is_away_is_tried_again(packages: Packages) -> None:
    """What passes does not fail a node."""
    (packages.state / "failures").write_text("3\n")
    done = packages.node.run("os_packages.sh", "htop")
    assert done.code == 0
    assert "try 3 of 5 failed with exit code 100" in done.err


def test_what_does_not_pass_is_told(packages: Packages) -> None:
    """After five tries: the script, its line, the exit code and the command."""
    done = packages.node.run("os_packages.sh", "no-such-package")
    assert done.code == 1
    line = (packages.node.work / "os_packages.sh").read_text().splitlines().index('    install_packages "$@"') + 1
    assert f"os_packages.sh: line {line}: exit code 1, 5 times: " in done.err
    assert "-- no-such-package" in done.err


def test_two_at_once_both_succeed(packages: Packages) -> None:
    """The package managers lock; the script leaves it to them."""
    first, second = (packages.node.begin("os_packages.sh", "htop") for _ in range(2))
    assert (first.wait(60), second.wait(60)) == (0, 0)


@pytest.mark.parametrize("word", ["", "--assume-yes", "a b", "htop=", "htop;reboot", "../x.deb"])
def test_what_is_no_package_is_refused(packages: Packages, word: str) -> None:
    """An option in its place would change what is done."""
    done = packages.node.run("os_packages.sh", "jq", word)
    assert done.code == 1
    assert f"'{word}' is no package; one is written NAME or NAME=VERSION" in done.err
    assert packages.calls("install") == []


def test_installing_needs_root(packages: Packages) -> None:
    """A local node that changes no host says so; so does a node whose start task has no rights."""
    refused = packages.node.run("os_packages.sh", "htop", BATCHITE_HOST_CHANGES="refused")
    assert refused.code == 1
    assert "installing htop needs root, and this local node never changes its host" in refused.err
    assert packages.calls("install") == []


def test_a_start_task_without_rights_is_told_what_to_change(packages: Packages) -> None:
    """By its elevation."""
    packages.node.rights = "none"
    done = packages.node.run("os_packages.sh", "htop")
    assert done.code == 1
    assert "installing htop needs root; give the start task elevation Admin" in done.err


def test_debian_asks_and_waits(node: Node, folder: Path) -> None:
    """No question, old configuration kept, the lock waited for, lists fetched before."""
    packages = Packages(node, folder, "apt-get")
    packages.node.run("os_packages.sh", "htop")
    update, install = packages.calls("update"), packages.calls("install")
    assert len(update) == len(install) == 1
    assert "DPkg::Lock::Timeout=600" in install[0]
    assert "Dpkg::Options::=--force-confold" in install[0]
    assert packages.calls("noninteractive")


def test_other_systems_are_refused(node: Node, folder: Path) -> None:
    """With the names of those that are known."""
    Packages(node, folder, "neither")
    done = node.run("os_packages.sh", "htop")
    assert done.code == 1
    assert "neither apt-get nor dnf" in done.err
    assert "Debian, Ubuntu, AlmaLinux, Rocky Linux or Oracle Linux" in done.err


@pytest.mark.parametrize(
    ("release", "epel"), [('ID="almalinux"\nVERSION_ID="9.4"', "epel"), ('ID="ol"\nVERSION_ID="9.4"', "oracle")]
)
def test_monitoring_tools_come_from_epel_on_red_hats_heirs(node: Node, folder: Path, release: str, epel: str) -> None:
    """The package that brings EPEL comes before those from it."""
    packages = Packages(node, folder, "dnf")
    node.environment |= {"OS_RELEASE": str(node.write("os-release", release))}
    assert node.run("monitoring_tools.sh").code == 0
    before, after = packages.calls("install")
    assert before.split(" -- ")[1].startswith(epel)
    assert after.endswith("-- htop iftop sysstat")


def test_monitoring_tools_switch_on_the_samples_of_debian(node: Node, folder: Path) -> None:
    """Installed is not enough there; a second run finds it done."""
    packages = Packages(node, folder, "apt-get")
    switch = node.write("sysstat", '# may be "true"\nENABLED="false"\n')
    node.environment |= {"SYSSTAT": str(switch)}
    for _ in range(2):
        assert node.run("monitoring_tools.sh").code == 0
        assert switch.read_text() == '# may be "true"\nENABLED="true"\n'
    assert len(packages.calls("install")) == 1


def test_monitoring_tools_need_root(node: Node) -> None:
    """They change the host."""
    done = node.run("monitoring_tools.sh", BATCHITE_HOST_CHANGES="refused")
    assert done.code == 1
    assert "monitoring with sysstat needs root, and this local node never changes its host" in done.err
