"""Annual yield of a fixed photovoltaic system, from one hourly weather year.

The chain is pvlib's: sun position, irradiance on the tilted plane (Hay-Davies), cell temperature (Sandia model, open
rack), PVWatts module of 1 kW, PVWatts inverter. Weather is a typical meteorological year, TMY2 or TMY3.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pvlib import inverter, iotools, irradiance, pvsystem, solarposition, temperature

PEAK_WATTS = 1000.0
TEMPERATURE_COEFFICIENT = -0.004  # of DC power, per kelvin; crystalline silicon
INVERTER_DC_WATTS = PEAK_WATTS / 0.96
MOUNTING = temperature.TEMPERATURE_MODEL_PARAMETERS["sapm"]["open_rack_glass_polymer"]

TMY2_COLUMNS = {
    "GHI": "ghi",
    "DNI": "dni",
    "DHI": "dhi",
    "ETRN": "dni_extra",
    "DryBulb": "temp_air",
    "Wspd": "wind_speed",
}
TMY2_TENTHS = ["temp_air", "wind_speed"]
# An hourly value is a mean over its hour, so the sun is taken in the middle of that hour. TMY3 rows carry the end of
# their hour (01:00 is 00:00-01:00); pvlib's TMY2 reader has already moved its rows to the beginning.
TMY3_MIDDLE = pd.Timedelta(minutes=-30)
TMY2_MIDDLE = pd.Timedelta(minutes=30)


@dataclass(frozen=True)
class Site:
    """Where a weather file was recorded: degrees north, degrees east, metres above the sea."""

    latitude: float
    longitude: float
    altitude: float


@dataclass(frozen=True)
class Year:
    """One weather year: hourly values (W/m², °C, m/s) and the sun's position in the middle of each hour."""

    hours: pd.DataFrame
    sun: pd.DataFrame


def read_year(path: Path) -> Year:
    """Read a TMY2 or TMY3 file, told apart by its header: only TMY3 separates it with commas."""
    with path.open() as file:
        header = file.readline()
    return read_tmy3(path) if "," in header else read_tmy2(path)


def read_tmy3(path: Path) -> Year:
    """Read a TMY3 file (comma separated, named columns)."""
    hours, metadata = iotools.read_tmy3(path, map_variables=True)
    return with_sun(hours, site(metadata), TMY3_MIDDLE)


def read_tmy2(path: Path) -> Year:
    """Read a TMY2 file (fixed columns; temperatures and wind speeds in tenths)."""
    hours, metadata = iotools.read_tmy2(path)
    hours = hours.rename(columns=TMY2_COLUMNS)
    hours[TMY2_TENTHS] = hours[TMY2_TENTHS] / 10
    return with_sun(hours, site(metadata), TMY2_MIDDLE)


def site(metadata: dict[str, float]) -> Site:
    """Take the place out of a weather file's metadata."""
    return Site(metadata["latitude"], metadata["longitude"], metadata["altitude"])


def with_sun(hours: pd.DataFrame, place: Site, middle: pd.Timedelta) -> Year:
    """Add the sun's position; `middle` leads from a row's time to the middle of the hour it stands for."""
    sun = solarposition.get_solarposition(
        hours.index + middle, place.latitude, place.longitude, altitude=place.altitude
    )
    return Year(hours, sun.set_index(hours.index))


def annual_yield(year: Year, tilt: float, azimuth: float) -> float:
    """Energy after the inverter of a 1 kW system, in kWh a year.

    `tilt` is in degrees from horizontal; `azimuth` in degrees clockwise from north, so 180 faces south.
    """
    light = plane_irradiance(year, tilt, azimuth)
    cell = temperature.sapm_cell(light, year.hours["temp_air"], year.hours["wind_speed"], **MOUNTING)
    direct_current = pvsystem.pvwatts_dc(light, cell, PEAK_WATTS, TEMPERATURE_COEFFICIENT)
    return float(inverter.pvwatts(direct_current, INVERTER_DC_WATTS).sum()) / 1000


def plane_irradiance(year: Year, tilt: float, azimuth: float) -> pd.Series:
    """Global irradiance on the tilted plane in W/m², zero where the night leaves it undefined."""
    hours, sun = year.hours, year.sun
    components = irradiance.get_total_irradiance(
        tilt,
        azimuth,
        sun["apparent_zenith"],
        sun["azimuth"],
        hours["dni"],
        hours["ghi"],
        hours["dhi"],
        dni_extra=hours["dni_extra"],
        model="haydavies",
    )
    return components["poa_global"].fillna(0.0)
