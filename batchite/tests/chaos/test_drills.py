"""The pure decisions of drills, and what their settings accept."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.chaos import settings
from batchite.chaos.drills import Fault, Latency, ServerErrors, Throttle, delay, failing, throttled
from batchite.errors import ServiceError

pytestmark = pytest.mark.ours

MANY = range(1, 2001)
SEEDS = st.integers(0, 2**63)


def errors(rate: float, when: str = "either", seed: int = 1) -> ServerErrors:
    """A drill of two codes."""
    return ServerErrors("server-error-1", rate, ("batch",), seed, ("InternalError", "ServerBusy"), when)


@given(seed=SEEDS, rate=st.floats(0.05, 1))
def test_a_rate_is_a_share_of_the_requests(seed: int, rate: float) -> None:
    """Of many requests about the named share is hit, whatever the seed; at 1 it is every one."""
    drill = Throttle("t", rate, ("batch",), seed, 429, 1)
    share = sum(throttled(drill, "batch", number) is not None for number in MANY) / len(MANY)
    assert share == 1 if rate == 1 else abs(share - rate) < 0.07


@given(seed=SEEDS)
def test_the_same_seed_hits_the_same_requests(seed: int) -> None:
    """A storm can be repeated."""
    first = [failing(errors(0.3, seed=seed), number) for number in MANY]
    assert first == [failing(errors(0.3, seed=seed), number) for number in MANY]


@pytest.mark.parametrize(("when", "found"), [("before", {False}), ("after", {True}), ("either", {False, True})])
def test_an_error_comes_before_or_after_the_effect(when: str, found: set[bool]) -> None:
    """As asked for; both happen where either may, and every code is used."""
    hits = [fault for number in MANY if (fault := failing(errors(0.5, when), number)) is not None]
    assert {fault.after for fault in hits} == found
    assert {fault.code for fault in hits} == {"InternalError", "ServerBusy"}


@given(seed=SEEDS, jitter=st.floats(0, 500))
def test_a_delay_keeps_to_its_jitter(seed: int, jitter: float) -> None:
    """No answer waits less than nothing, or more than the delay and its jitter."""
    drill = Latency("l", 200, jitter, ("batch",), seed)
    waits = [delay(drill, number) for number in range(50)]
    assert all(max(0, 200 - jitter) <= 1000 * wait + 1e-6 for wait in waits)
    assert all(1000 * wait <= 200 + jitter + 1e-6 for wait in waits)


@pytest.mark.parametrize(
    ("plane", "status", "code"),
    [("batch", 429, "TooManyRequests"), ("batch", 503, "ServerBusy"), ("blob", 429, "ServerBusy")],
)
def test_throttling_is_429_or_503_with_retry_after(plane: str, status: int, code: str) -> None:
    """Both with the drill's id; Blob storage throttles with 503 alone."""
    fault = throttled(Throttle("throttle-7", 1, (plane,), 0, status, 3), plane, 1)
    assert fault == Fault("throttle-7", code, retry_after=3)
    assert fault.headers == {"retry-after": "3", "x-batchite-drill": "throttle-7"}


@pytest.mark.parametrize(
    ("body", "name", "allowed"),
    [
        ({}, "rate", "required"),
        ({"rate": 0}, "rate", "above 0"),
        ({"rate": 1.5}, "rate", "from 0 to 1"),
        ({"rate": True}, "rate", "from 0 to 1"),
        ({"rate": "0.5"}, "rate", "from 0 to 1"),
        ({"rate": 1, "planes": ["mars"]}, "planes", "batch, arm, blob"),
        ({"rate": 1, "planes": "batch"}, "planes", "batch, arm, blob"),
        ({"rate": 1, "status": 450}, "status", "429 or 503"),
        ({"rate": 1, "retryAfter": -1}, "retryAfter", "0 to 300"),
        ({"rate": 1, "seed": 0.5}, "seed", "whole number"),
        ({"rate": 1, "rat": 1}, "rat", "No such setting"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_is_allowed(body: dict[str, Any], name: str, allowed: str) -> None:
    """By name, with the rule."""
    with pytest.raises(ServiceError) as caught:
        settings.throttle(body, "throttle-1", 1)
    assert caught.value.values["PropertyName"] == name
    assert allowed in caught.value.values["Reason"]


def test_settings_have_defaults() -> None:
    """The data plane, a seed of the drill's own, both moments; `all` is every plane."""
    found = settings.server_errors({"rate": 0.1, "planes": ["all"]}, "server-error-4", 4)
    codes = ("InternalError", "ServerBusy")
    assert found == ServerErrors("server-error-4", 0.1, ("batch", "arm", "blob"), 4, codes, "either")
    assert settings.latency({"milliseconds": 5}, "latency-5", 5) == Latency("latency-5", 5, 0, ("batch",), 5)
    assert settings.outage({"seconds": 2.5, "reset": True}) == (2.5, True)
