"""One task of the sweep: the annual yield of one station and azimuth over many tilts.

    python sweep.py STATION AZIMUTH TILTS     TILTS is FROM:TO:STEP in degrees, both ends included

Reads the file `weather` and writes results.csv and stats.json, all in the working directory.
"""

import csv
import sys
from pathlib import Path

import stats  # isort: skip  (starts the clock before the slow imports)
import solar

COLUMNS = ("station", "tilt", "azimuth", "kwh_per_kw")
WEATHER = Path("weather")
RESULTS = Path("results.csv")


def degrees(span: str) -> list[float]:
    """Spell out FROM:TO:STEP, both ends included."""
    first, last, step = (float(part) for part in span.split(":"))
    return [first + step * number for number in range(int((last - first) / step + 1e-9) + 1)]


def sweep(station: str, azimuth: float, tilts: list[float]) -> list[tuple[str, float, float, float]]:
    """Evaluate every tilt: rows in the order of COLUMNS."""
    year = solar.read_year(WEATHER)
    return [(station, tilt, azimuth, round(solar.annual_yield(year, tilt, azimuth), 3)) for tilt in tilts]


def main(station: str, azimuth: str, tilts: str) -> None:
    """Run one task."""
    rows = sweep(station, float(azimuth), degrees(tilts))
    with RESULTS.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    stats.write_stats(len(rows))
    print(f"{station}: azimuth {azimuth}°, {len(rows)} tilts, best {max(row[3] for row in rows):.0f} kWh per kW")


if __name__ == "__main__":
    main(*sys.argv[1:])
