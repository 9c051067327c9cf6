"""Request bodies that are no JSON object, or none that anybody could walk through."""

from __future__ import annotations

import pytest

from batchite.http.json_body import DEEPEST, NotAnObjectError, json_object

pytestmark = pytest.mark.ours


def nested(levels: int) -> bytes:
    """An object of so many levels."""
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'{"a":NaN}', b'{"a":"\\ud800"}', b'{"a":"\xff"}', nested(DEEPEST + 1), b"[" * 99_999],
)
def test_what_is_no_object_is_refused(body: bytes) -> None:
    """Each is refused with a reason, none reaches a stack's end."""
    with pytest.raises(NotAnObjectError):
        json_object(body)


def test_documents_of_sensible_depth_pass() -> None:
    """The limit counts levels, not brackets."""
    json_object(nested(DEEPEST))
    assert len(json_object(b'{"value":[' + b"{}," * 500 + b"{}]}")["value"]) == 501
