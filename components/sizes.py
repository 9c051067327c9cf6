"""Sizes of virtual machines: what each has and costs, when its family ends, and the cheapest that is enough. Pure.

The choice is the same for the same wish and the same data file; a pool that must keep its size says it (`vmSize`),
since newer data may lead to another choice.

Does not own the data: components/data/README.md says where it is from.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType

from components.lifetimes import End
from components.records import setting
from components.validation import Problem, number, one_of, refuse, whole

DATA = Path(__file__).parent / "data" / "vm-sizes.csv"
CHECKED_ON = date(2026, 11, 25)
"""When the dates below were last looked up."""

_RETIREMENTS = "learn.microsoft.com/azure/virtual-machines/sizes/lifecycle/retirements-and-capacity-restrictions"
"""Its state of 2026-09-24 (MicrosoftDocs/azure-compute-docs)."""


def _end(year: int, month: int, day: int) -> End:
    return End(date(year, month, day), _RETIREMENTS)


_FAMILIES: Mapping[str, End] = MappingProxyType(
    {
        **dict.fromkeys(("standardD", "standardDS", "standardDv2", "standardDSv2", "standardLS"), _end(2028, 5, 1)),
        **dict.fromkeys(
            ("standardF", "standardFS", "standardFSv2", "standardLSv2", "standardG", "standardGS", "standardAv2"),
            _end(2028, 11, 15),
        ),
        **dict.fromkeys(
            ("standardDv3", "standardDSv3", "standardEv3", "standardESv3", "standardEIv3"), _end(2029, 11, 15)
        ),
        "standardDCSv2": _end(2026, 6, 30),
        "standardNCSv3": _end(2025, 9, 30),
        **dict.fromkeys(("standardNVSv3", "standardNVSv4"), _end(2026, 9, 30)),
        **dict.fromkeys(("standardHBrsv2", "standardHCS", "standardNPS"), _end(2027, 5, 31)),
    }
)
_NAMES: tuple[tuple[str, End], ...] = (  # Sizes that are in no data any more, or in none yet.
    (r"(basic|standard)_a\d+", End(date(2024, 8, 31), "github.com/Azure/Batch/issues/140")),
    (r"standard_b\d+l?m?s", _end(2028, 11, 15)),
    (r"standard_m192id?m?s_v2", _end(2027, 3, 31)),
    (r"standard_hc44-\d+rs", _end(2027, 5, 31)),
    (r"standard_dc\d+d?s_v3", _end(2029, 10, 31)),
    (r"standard_(dc|ec)\d+ad?s_cc_v5", _end(2026, 9, 1)),
)
GENERAL, MEMORY = "general", "memory"
_KINDS: tuple[tuple[str, str], ...] = (  # By the letters that sizes begin with; all others are general.
    (r"standard_(dc|ec)", "confidential"),
    (r"standard_n[pm]\d", "fpga"),
    (r"standard_n", "gpu"),
    (r"standard_h", "hpc"),
    (r"standard_m\d", MEMORY),
)
KINDS = (GENERAL, *dict(_KINDS).values())


@dataclass(frozen=True, slots=True)
class Size:
    """A size: memory and temporary disk in GiB, prices in USD an hour (None: not known), generations "V1", "V2"."""

    name: str
    family: str
    vcpus: int
    memory_gib: float
    disk_gib: float
    generations: frozenset[str]
    dedicated_usd: float | None
    spot_usd: float | None

    @property
    def end(self) -> End | None:
        """When its family ends, if that is announced."""
        return _FAMILIES.get(self.family.removesuffix("Family"))

    @property
    def kind(self) -> str:
        """What it is made for: one of KINDS."""
        return next((kind for start, kind in _KINDS if re.match(start, self.name.lower())), GENERAL)

    def price(self, kind: str) -> float | None:
        """The price of a "dedicated" or "spot" node."""
        return self.spot_usd if kind == "spot" else self.dedicated_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeWish:
    """What a node needs at least; the cheapest size of its kind that has it is taken.

    Sizes whose end is announced are not taken, nor arm64 machines. `general` are the series A, B, D, E, F, G and L;
    where none of them has so much, a large-memory one (M) is taken. Other machines are asked for: `confidential` (DC,
    EC), `fpga` (NP), `gpu` (the other N), `hpc` (H), `memory` (M).
    """

    vcpus: int = setting("The least vCPUs.", whole(1, 1000), 1)
    memory_gib: float = setting("The least memory, GiB.", number(0, 30_000), 1)
    disk_gib: float = setting("The least temporary disk, GiB; 0 takes sizes without one too.", number(-1, 100_000), 0)
    max_usd_per_hour: float | None = setting("The highest price of a node's hour in USD.", number(0, 1000), None)
    kind: str = setting("What machines are meant.", one_of(*KINDS), GENERAL)
    price: str = setting("Which price is meant and compared.", one_of("dedicated", "spot"), "dedicated")


@cache
def sizes(path: Path = DATA) -> Mapping[str, Size]:
    """All known sizes by lower-case name."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row["vm_size"].lower(): _size(row) for row in csv.DictReader(file)}


def _size(row: Mapping[str, str]) -> Size:
    return Size(
        name=row["vm_size"],
        family=row["family"],
        vcpus=int(row["vcpus"]),
        memory_gib=float(row["memory_gib"]),
        disk_gib=float(row["resource_disk_gib"] or 0),
        generations=frozenset(row["hyperv"].split(";")),
        dedicated_usd=_price(row["dedicated_usd_per_hour"]),
        spot_usd=_price(row["spot_usd_per_hour"]),
    )


def _price(text: str) -> float | None:
    return float(text) if text else None


def end_of(name: str) -> End | None:
    """When a size that is named by itself ends, if that is announced."""
    known = sizes().get(name.lower())
    if known is not None:
        return known.end
    return next((end for pattern, end in _NAMES if re.fullmatch(pattern, name.lower())), None)


def is_arm64(name: str) -> bool:
    """Whether a size is an arm64 machine: Azure says so with a "p" behind the vCPUs ("Standard_D2ps_v5")."""
    return re.fullmatch(r"standard_[a-z]+\d+(-\d+)?[a-z]*p[a-z]*(_.*)?", name.lower()) is not None


def choose(wish: SizeWish, generation: str, among: Iterable[Size] | None = None) -> Size:
    """The cheapest size that fulfils the wish and starts an image of the generation ("V1", "V2").

    Among equals the smaller, then the name decides. Sizes without a price are not compared, so not chosen. Raises
    SettingsError that names the price of the cheapest size when only the ceiling is in the way.
    """
    priced = [one for one in (sizes().values() if among is None else among) if one.price(wish.price) is not None]
    able = sorted((one for one in priced if _fulfils(one, wish, generation)), key=lambda one: _rank(one, wish))
    enough = [one for one in able if one.kind == wish.kind]
    if wish.kind == GENERAL and not enough:
        enough = [one for one in able if one.kind == MEMORY]
    if not enough:
        rule = (
            f"no size of the kind {wish.kind!r} with a known price has all of it; name one with vmSize{_others(able)}"
        )
        refuse("Size", [Problem("size", None, rule)])
    cheapest, ceiling = enough[0], wish.max_usd_per_hour
    usd = cheapest.price(wish.price)
    if ceiling is not None and usd is not None and usd > ceiling:
        rule = f"is too low: {cheapest.name} is the cheapest that has all of it, at {usd:g} USD an hour ({wish.price})"
        refuse("Size", [Problem("size.maxUsdPerHour", ceiling, rule)])
    return cheapest


def _fulfils(one: Size, wish: SizeWish, generation: str) -> bool:
    room = one.vcpus >= wish.vcpus and one.memory_gib >= wish.memory_gib and one.disk_gib >= wish.disk_gib
    return room and generation in one.generations and one.end is None and not is_arm64(one.name)


def _others(able: Iterable[Size]) -> str:
    kinds = sorted({one.kind for one in able})
    return f", or ask for the kind {' or '.join(map(repr, kinds))}, which has it" if kinds else ""


def _rank(one: Size, wish: SizeWish) -> tuple[float, int, float, str]:
    return one.price(wish.price) or 0.0, one.vcpus, one.memory_gib, one.name
