"""Every test says where its expectation comes from: exactly one of the marks below, or nothing is collected."""

import pytest

import batchite  # noqa: F401 - the package must be known before pytest names batchite/tests after its folder

ORIGINS = ("recorded", "documented", "ours")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse the whole run when a test carries none or several of the origin marks."""
    wrong = [item.nodeid for item in items if len({m.name for m in item.iter_markers()} & set(ORIGINS)) != 1]
    if wrong:
        names = ", ".join(ORIGINS)
        raise pytest.UsageError(f"each test carries exactly one of the marks {names}; not so:\n  " + "\n  ".join(wrong))
