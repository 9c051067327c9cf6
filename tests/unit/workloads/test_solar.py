"""The solar workload against pvlib called directly, and its scripts as tasks run them."""

import csv
import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pvlib import inverter, iotools, irradiance, pvsystem, solarposition, temperature

pytestmark = pytest.mark.ours

FOLDER = Path(__file__).parents[3] / "workloads" / "solar"
FILES = {"sand-point": "703165TY.csv", "greensboro": "723170TYA.CSV", "miami": "12839.tm2"}


def weather_file(station: str) -> Path:
    """A weather file inside the pvlib package."""
    found = find_spec("pvlib")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "data" / FILES[station]


def by_pvlib(hours: Any, metadata: dict[str, float], minutes: int, tilt: float, azimuth: float) -> float:
    """Kilowatt hours a year of 1 kW, in one go through pvlib; `minutes` lead to the middle of a row's hour."""
    place = metadata["latitude"], metadata["longitude"]
    sun = solarposition.get_solarposition(hours.index + pd.Timedelta(minutes=minutes), *place, metadata["altitude"])
    light = irradiance.get_total_irradiance(
        tilt,
        azimuth,
        sun["apparent_zenith"].to_numpy(),
        sun["azimuth"].to_numpy(),
        hours["dni"],
        hours["ghi"],
        hours["dhi"],
        dni_extra=hours["dni_extra"],
        model="haydavies",
    )["poa_global"]
    rack = temperature.TEMPERATURE_MODEL_PARAMETERS["sapm"]["open_rack_glass_polymer"]
    cell = temperature.sapm_cell(light, hours["temp_air"], hours["wind_speed"], **rack)
    power = inverter.pvwatts(pvsystem.pvwatts_dc(light, cell, 1000, -0.004), 1000 / 0.96)
    return float(power.sum() / 1000)


def run_script(folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder that holds only what a task has, with an empty environment."""
    for name in ("sweep.py", "merge.py", "solar.py", "stats.py"):
        shutil.copy(FOLDER / name, folder)
    environment = {"MPLBACKEND": "Agg", "MPLCONFIGDIR": str(folder / ".matplotlib"), "PATH": os.defpath}
    return subprocess.run(
        [sys.executable, script, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def sweep(folder: Path, station: str, azimuth: str, tilts: str) -> dict[float, float]:
    """One task of the sweep: yields by tilt."""
    folder.mkdir(parents=True)
    shutil.copy(weather_file(station), folder / "weather")
    done = run_script(folder, "sweep.py", station, azimuth, tilts)
    assert done.returncode == 0, done.stderr
    with (folder / "results.csv").open() as file:
        return {float(row["tilt"]): float(row["kwh_per_kw"]) for row in csv.DictReader(file)}


@pytest.mark.parametrize(("station", "azimuth"), [("sand-point", 180), ("greensboro", 90), ("greensboro", 180)])
def test_tmy3_yields(tmp_path: Path, station: str, azimuth: int) -> None:
    """Yields from TMY3 files equal pvlib's, the sun taken half an hour before the row's time, which ends its hour."""
    found = sweep(tmp_path / "task", station, str(azimuth), "0:90:30")
    hours, metadata = iotools.read_tmy3(weather_file(station), map_variables=True)
    expected = {tilt: by_pvlib(hours, metadata, -30, tilt, azimuth) for tilt in (0, 30, 60, 90)}
    assert found == pytest.approx(expected, abs=0.001)


def test_tmy2_yields(tmp_path: Path) -> None:
    """Yields from the TMY2 file equal pvlib's, with temperature and wind taken from tenths."""
    found = sweep(tmp_path / "task", "miami", "180", "0:90:45")
    hours, metadata = iotools.read_tmy2(weather_file("miami"))
    hours = hours.rename(columns={"GHI": "ghi", "DNI": "dni", "DHI": "dhi", "ETRN": "dni_extra"})
    hours = hours.assign(temp_air=hours["DryBulb"] / 10, wind_speed=hours["Wspd"] / 10)
    expected = {tilt: by_pvlib(hours, metadata, 30, tilt, 180) for tilt in (0, 45, 90)}
    assert found == pytest.approx(expected, abs=0.001)


def test_known_figures(tmp_path: Path) -> None:
    """Greensboro: 1607 kWh facing south at 30°, 1442 flat; east and west differ by little, as the sun's path does."""
    south = sweep(tmp_path / "south", "greensboro", "180", "0:30:30")
    east, west = (sweep(tmp_path / azimuth, "greensboro", azimuth, "30:30:1")[30.0] for azimuth in ("90", "270"))
    assert {tilt: round(value) for tilt, value in south.items()} == {0.0: 1442, 30.0: 1607}
    assert (round(east), round(west)) == (1340, 1342)


def test_stats_file(tmp_path: Path) -> None:
    """Each task says how many rows it wrote, how long it worked and how much memory it needed."""
    sweep(tmp_path / "task", "miami", "180", "0:90:10")
    stats = json.loads((tmp_path / "task" / "stats.json").read_text())
    assert stats["rows"] == 10
    assert 0 < stats["seconds"] < 120
    assert 2**25 < stats["peak_memory_bytes"] < 2**31


def test_task_needs_its_weather_file(tmp_path: Path) -> None:
    """Without the weather file in its directory a task fails: it never reads the installed package's data."""
    done = run_script(tmp_path, "sweep.py", "miami", "180", "0:90:10")
    assert done.returncode != 0
    assert "FileNotFoundError" in done.stderr


def write_results(folder: Path, station: str, azimuths: tuple[int, ...], tilts: tuple[int, ...]) -> None:
    """Results as sweeps leave them, highest facing south at 30°."""
    for azimuth in azimuths:
        task = folder / "results" / "job" / f"{station}-{azimuth}"
        task.mkdir(parents=True)
        rows = [f"{station},{tilt},{azimuth},{1000 - abs(tilt - 30) - abs(azimuth - 180)}\n" for tilt in tilts]
        (task / "results.csv").write_text("station,tilt,azimuth,kwh_per_kw\n" + "".join(rows))


def test_merge(tmp_path: Path) -> None:
    """The merge writes all rows in order, a plot, and the best orientation of each station."""
    for station in ("north-pole", "equator"):
        write_results(tmp_path, station, (90, 180, 270), (0, 30, 60))
    done = run_script(tmp_path, "merge.py", "results")
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "yields.csv").read_text().splitlines()
    assert (len(lines), lines[1]) == (19, "equator,0,90,880")
    assert (tmp_path / "yields.png").read_bytes().startswith(b"\x89PNG")
    assert "North Pole: 1000 kWh per kW at tilt 30°, azimuth 180°" in done.stdout
    assert json.loads((tmp_path / "stats.json").read_text())["rows"] == 18


def test_merge_of_a_single_line(tmp_path: Path) -> None:
    """A sweep narrowed to one azimuth still gets its table and plot."""
    write_results(tmp_path, "equator", (180,), (0, 30, 60))
    assert run_script(tmp_path, "merge.py", "results").returncode == 0


def test_merge_refuses_double_work(tmp_path: Path) -> None:
    """The same orientation twice means that two tasks did the same work; the merge fails and says so."""
    write_results(tmp_path, "equator", (180,), (0,))
    shutil.copytree(tmp_path / "results" / "job", tmp_path / "results" / "again")
    done = run_script(tmp_path, "merge.py", "results")
    assert done.returncode != 0
    assert "evaluated by several tasks" in done.stderr
