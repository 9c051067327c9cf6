"""The generated pages of the documentation say what the tables say."""

from pathlib import Path

import pytest

from tools import reference

pytestmark = pytest.mark.ours


@pytest.mark.parametrize(("path", "text"), reference.pages().items(), ids=lambda value: getattr(value, "name", ""))
def test_a_generated_page_is_up_to_date(path: Path, text: str) -> None:
    """After a change of a table, `python -m tools.reference` must be run again."""
    assert path.read_text() == text


def test_all_72_operations_of_the_service_are_listed() -> None:
    """The data plane's table is the documented list, whole."""
    assert "of 72 operations" in reference.routes_page()
