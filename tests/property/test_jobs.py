from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import submit
from jobs.errors import ServiceError
from jobs.results import safe_path
from jobs.target import Json, parse_environment

pytestmark = pytest.mark.ours


@given(st.lists(st.sampled_from(["..", ".", "a", "b.csv", "", "c\\d", "~", "ü"]), max_size=5).map("/".join))
def test_outputs_stay_in_their_folder(rest: str) -> None:
    """A blob's path is refused or stays below the folder it is written to."""
    try:
        path = safe_path(f"job/{rest}", "job")
    except ServiceError:
        return
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert PurePosixPath("outputs/job") in (PurePosixPath("outputs/job") / path).parents


@given(
    st.dictionaries(
        st.from_regex(r"[A-Z_]{1,8}", fullmatch=True),
        st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=20),
    )
)
def test_environment_files_round_trip(variables: dict[str, str]) -> None:
    """What is written with sh quoting is read back unchanged."""
    quoted = {name: "'" + value.replace("'", "'\"'\"'") + "'" for name, value in variables.items()}
    assert parse_environment("".join(f"{name}={value}\n" for name, value in quoted.items())) == variables


class Limited:
    """A service that takes so many tasks in one request; counts what it got."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken: list[str] = []

    def add_tasks(self, job: str, tasks: list[Json]) -> list[Json]:
        """Take tasks or refuse the request."""
        if len(tasks) > self.limit:
            raise ServiceError("too large", "RequestBodyTooLarge")
        self.taken += [task["id"] for task in tasks]
        return [{"taskId": task["id"], "status": "success"} for task in tasks]


@given(count=st.integers(0, 350), limit=st.integers(1, 120))
def test_every_task_is_added_once(count: int, limit: int) -> None:
    """However small the requests must become, every task is added exactly once and in order."""
    service = Limited(limit)
    ids = [str(number) for number in range(count)]
    total = submit.add_all(service, "j", ({"id": name} for name in ids))  # type: ignore[arg-type]
    assert (total, service.taken) == (count, ids)
