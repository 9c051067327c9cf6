"""Documents that are nearly right, and how many of them are tried."""

import copy
import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "250"))
"""Requests of each test; `FUZZ_EXAMPLES=20000` looks further."""

BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

TEXTS = st.sampled_from(
    [
        "",
        " ",
        "PT1M",
        "P99999999999999999999D",
        "PT0.00000000001S",
        "9" * 400,
        "../..",
        "\x00",
        "%00",
        "\ud800",
        "2999-13-45T99:99:99Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.9999999Z",
        "https://[::1",
        "https://h:99999/c?sig=x",
        "a" * 2000,
    ]
) | st.text(max_size=12)
NUMBERS = st.sampled_from([0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 1e308, -0.0, 0.5]) | st.integers()
JUNK = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def mutated(draw: st.DrawFn, base: Any) -> Any:
    """The document with one to three of its members replaced, removed or added."""
    document = copy.deepcopy(base)
    for _ in range(draw(st.integers(1, 3))):
        holder = draw(st.sampled_from(list(_holders(document))))
        key = draw(st.sampled_from(list(holder))) if isinstance(holder, dict) and holder else None
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "remove" if key is not None:
                del holder[key]
            case "replace" if key is not None:
                holder[key] = draw(JUNK)
            case _ if isinstance(holder, dict):
                holder[draw(TEXTS)] = draw(JUNK)
            case _:
                holder.append(draw(JUNK))
    return document


def _holders(document: Any) -> Any:
    """The document and every object and list in it."""
    yield document
    for inner in document.values() if isinstance(document, dict) else document:
        if isinstance(inner, dict | list):
            yield from _holders(inner)
