"""The drills as settings, and the pure decision whether a drill hits the n-th request it sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, TypeAlias

PLANES: Final = ("batch", "arm", "blob")
MOMENTS: Final = ("before", "after", "either")
SERVER_ERRORS: Final = ("InternalError", "OperationTimedOut", "ServerBusy")

LONGEST_OUTAGE: Final = 86_400
LONGEST_DELAY: Final = 60_000
LONGEST_RETRY_AFTER: Final = 300

TEXTS: Final[Mapping[str, tuple[int, str]]] = {
    "TooManyRequests": (429, "The rate of requests is over the limit. Retry after the time that is given."),
    "InternalError": (500, "The server encountered an internal error. Please retry the request."),
    "OperationTimedOut": (500, "The operation could not be completed within the permitted time."),
    "ServerBusy": (503, "The server is currently unable to receive requests. Please retry your request."),
}
"""Status and text of the errors. Source: "Batch Status and Error Codes"; "Error handling and detection in Azure Batch"
names 429 and 503 with Retry-After for throttling."""

ARM_CODES: Final[Mapping[str, str]] = {
    "InternalError": "InternalServerError",
    "OperationTimedOut": "InternalServerError",
    "ServerBusy": "ServiceUnavailable",
}
"""What Azure Resource Manager calls the same errors."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """A share of the requests is refused, 429 or 503, with Retry-After in seconds."""

    id: str
    rate: float
    planes: tuple[str, ...]
    seed: int
    status: int
    retry_after: int


@dataclass(frozen=True, slots=True)
class ServerErrors:
    """A share of the requests is answered with one of the codes, before or after it took effect."""

    id: str
    rate: float
    planes: tuple[str, ...]
    seed: int
    codes: tuple[str, ...]
    when: str  # before | after | either


@dataclass(frozen=True, slots=True)
class Latency:
    """Every answer waits this long, more or less by up to the jitter. In milliseconds."""

    id: str
    milliseconds: float
    jitter: float
    planes: tuple[str, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class BlobOutage:
    """The blob gateway serves nobody until this wire time: 503 ServerBusy, or connections are reset."""

    id: str
    until: float
    reset: bool


@dataclass(frozen=True, slots=True)
class FailingStartTasks:
    """Start tasks of a pool exit with a code that is not 0; `times` is how many more, None = all of them."""

    id: str
    account: str
    pool: str
    exit_code: int
    times: int | None


Drill: TypeAlias = Throttle | ServerErrors | Latency | BlobOutage | FailingStartTasks


@dataclass(frozen=True, slots=True)
class Fault:
    """What a request is answered instead. `after`: what it asked for is done all the same."""

    id: str
    code: str
    after: bool = False
    retry_after: int | None = None

    @property
    def status(self) -> int:
        """HTTP status of the answer."""
        return TEXTS[self.code][0]

    @property
    def headers(self) -> dict[str, str]:
        """Which drill it was, and when to come back. No client reads the former; whoever debugs one does."""
        named = {"x-batchite-drill": self.id}
        return named if self.retry_after is None else named | {"retry-after": str(self.retry_after)}


def throttled(drill: Throttle, plane: str, number: int) -> Fault | None:
    """Whether the n-th request on the plane is refused. Blob storage throttles with 503 only."""
    if _draws(drill.seed, number)[0] >= drill.rate:
        return None
    code = "ServerBusy" if drill.status == 503 or plane == "blob" else "TooManyRequests"
    return Fault(drill.id, code, retry_after=drill.retry_after)


def failing(drill: ServerErrors, number: int) -> Fault | None:
    """Whether the n-th request fails, how, and whether before or after it took effect."""
    hit, which, moment, _ = _draws(drill.seed, number)
    if hit >= drill.rate:
        return None
    after = moment < 0.5 if drill.when == "either" else drill.when == "after"
    return Fault(drill.id, drill.codes[int(which * len(drill.codes))], after)


def delay(drill: Latency, number: int) -> float:
    """How many seconds the n-th answer waits."""
    spread = (2 * _draws(drill.seed, number)[0] - 1) * drill.jitter
    return max(0.0, drill.milliseconds + spread) / 1000


def _draws(seed: int, number: int) -> tuple[float, float, float, float]:
    """Four numbers from 0 to below 1, the same for the same seed and number on every machine."""
    digest = blake2b(f"{seed} {number}".encode(), digest_size=16).digest()
    first, second, third, fourth = (int.from_bytes(digest[at : at + 4]) / 2**32 for at in range(0, 16, 4))
    return first, second, third, fourth
