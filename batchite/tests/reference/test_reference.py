"""The generated pages of the documentation say what the tables say."""

from pathlib import Path

import pytest

from batchite import reference

pytestmark = pytest.mark.ours


DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.mark.parametrize("name", reference.pages())
def test_a_generated_page_is_up_to_date(name: str) -> None:
    """After a change of a table, `python -m batchite.reference docs` must be run again."""
    assert (DOCS / name).read_text() == reference.pages()[name]


def test_all_72_operations_of_the_service_are_listed() -> None:
    """The data plane's table is the documented list, whole."""
    assert "of 72 operations" in reference.routes_page()
