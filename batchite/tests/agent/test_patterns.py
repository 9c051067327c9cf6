import fnmatch
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.agent.patterns import has_wildcard, matches, translate

pytestmark = pytest.mark.documented  # REST reference, OutputFile.filePattern

FILES = ("stdout.txt", "stderr.txt", "wd/a.txt", "wd/b.csv", "wd/out/a.txt", "wd/out/deep/c.txt", "wd/x-1.txt")


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A task directory with a few files."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a.txt", ["a.txt"]),
        ("*.txt", ["a.txt", "x-1.txt"]),
        ("**/*.txt", ["a.txt", "out/a.txt", "out/deep/c.txt", "x-1.txt"]),
        ("out/*.txt", ["a.txt"]),
        ("out/**/*", ["a.txt", "deep/c.txt"]),
        ("**", ["a.txt", "b.csv", "out/a.txt", "out/deep/c.txt", "x-1.txt"]),
        ("../std*.txt", ["stderr.txt", "stdout.txt"]),
        ("../stdout.txt", ["stdout.txt"]),
        ("../../../*", []),
        ("[ab].*", ["a.txt", "b.csv"]),
        ("[!a].*", ["b.csv"]),
        ("x-[0-9].txt", ["x-1.txt"]),
        ("?.txt", ["a.txt"]),
        ("/etc/passwd", []),
        ("missing", []),
    ],
)
def test_a_pattern_finds_files_and_the_part_that_names_the_blob(task: Path, pattern: str, names: list[str]) -> None:
    """Relative to the working directory; `*` stays in its folder, `**` does not."""
    assert [rest for _, rest in matches(pattern, task)] == names


def test_an_absolute_pattern_below_the_task_directory_is_understood(task: Path) -> None:
    """As tasks build it from AZ_BATCH_TASK_DIR."""
    assert [rest for _, rest in matches(f"{task}/std*.txt", task)] == ["stderr.txt", "stdout.txt"]


def test_links_that_lead_out_of_the_task_directory_are_not_followed(task: Path) -> None:
    """Neither a file nor a folder elsewhere can be uploaded by way of a link."""
    (task / "wd/passwd").symlink_to("/etc/passwd")
    (task / "wd/etc").symlink_to("/etc")
    assert matches("passwd", task) == matches("etc/*", task) == []


@given(st.text(alphabet="ab-^!]&|~[\\./*?", max_size=12), st.text(alphabet="ab-^]\\./", max_size=8))
def test_any_text_is_a_pattern(pattern: str, name: str) -> None:
    """Nothing a user writes makes an expression that cannot be compiled, nor one with nested sets."""
    re.compile(translate(pattern)).fullmatch(name)


@given(st.text(alphabet="ab.-/*?", max_size=8), st.text(alphabet="ab.-", min_size=1, max_size=8))
def test_without_folders_it_is_the_shells_language(pattern: str, name: str) -> None:
    """For one path segment the same as fnmatch, which knows no folders."""
    if "/" not in pattern:
        assert bool(re.fullmatch(translate(pattern), name)) == fnmatch.fnmatchcase(name, pattern)


@given(st.text(alphabet="abc.", min_size=1, max_size=8))
def test_a_name_without_wildcards_matches_itself_only(name: str) -> None:
    """Dots and the like have no meaning of their own."""
    assert not has_wildcard(name)
    assert re.fullmatch(translate(name), name)
    assert not re.fullmatch(translate(name), name + "x")


@given(st.text(alphabet="ab!.-0/", min_size=1, max_size=6))
def test_a_set_never_matches_a_separator(inside: str) -> None:
    """Also a negated one, and a range that spans it."""
    assert not re.fullmatch(translate(f"[{inside}]"), "/")
