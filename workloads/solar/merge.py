"""The last task: join what all sweeps wrote into one table and one plot.

    python merge.py FOLDER     FOLDER holds the sweeps' results.csv files, at any depth

Writes yields.csv, yields.png and stats.json in the working directory and prints the best orientation of each station.
"""

import sys
from pathlib import Path
from typing import Any

import stats  # isort: skip  (starts the clock before the slow imports)
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

GRID = ["station", "tilt", "azimuth"]
YIELD = "kwh_per_kw"
COLOURS = "viridis"


def read_results(folder: Path) -> pd.DataFrame:
    """All sweeps' rows in the order of the grid.

    Raises ValueError when a combination is there twice: two tasks would then have done the same work.
    """
    table = pd.concat([pd.read_csv(path) for path in sorted(folder.rglob("results.csv"))], ignore_index=True)
    if table.duplicated(GRID).any():
        raise ValueError("the same orientation of a station was evaluated by several tasks")
    return table.sort_values(GRID, ignore_index=True)


def best_orientations(table: pd.DataFrame) -> pd.DataFrame:
    """The row with the largest yield of each station, best station first."""
    return table.loc[table.groupby("station")[YIELD].idxmax()].sort_values(YIELD, ascending=False)


def plot(table: pd.DataFrame, best: pd.DataFrame, path: Path) -> None:
    """Draw one heat map of yield over azimuth and tilt for each station, on one colour scale."""
    size = (4.6 * len(best) + 1, 4.9)
    figure, axes = plt.subplots(1, len(best), figsize=size, sharey=True, squeeze=False, layout="constrained")
    scale = Normalize(table[YIELD].min(), table[YIELD].max())
    for axis, row in zip(axes[0], best.itertuples(), strict=True):
        heat_map(axis, table[table["station"] == row.station], row, scale)
    axes[0][0].set_ylabel("tilt from horizontal (°)")
    figure.colorbar(ScalarMappable(scale, COLOURS), ax=list(axes[0]), label="kWh a year from 1 kW of panels", pad=0.015)
    figure.suptitle("Annual solar yield by orientation of the panel", fontsize=14, fontweight="bold")
    figure.savefig(path, dpi=130)


def heat_map(axis: Axes, rows: pd.DataFrame, best: Any, scale: Normalize) -> None:
    """Draw one station: colour and contour lines of equal yield, a star on the best orientation."""
    grid = rows.pivot_table(index="tilt", columns="azimuth", values=YIELD)
    surface = grid.columns, grid.index, grid.to_numpy()
    smooth = min(grid.shape) > 1  # A single tilt or azimuth is a line: nothing to blend, no contours.
    axis.pcolormesh(*surface, cmap=COLOURS, shading="gouraud" if smooth else "nearest", norm=scale)
    if smooth:
        lines = axis.contour(*surface, colors="white", linewidths=0.7, alpha=0.75)
        axis.clabel(lines, fontsize=8, fmt="%.0f")
    axis.plot(best.azimuth, best.tilt, "*", color="white", markeredgecolor="black", markersize=17)
    label(axis, grid, best)


def label(axis: Axes, grid: pd.DataFrame, best: Any) -> None:
    """Write title and ticks of one heat map."""
    found = f"best {best.kwh_per_kw:,.0f} kWh at {best.tilt:g}° tilt, {compass(best.azimuth)}"
    axis.set_title(f"{title(best.station)}\n{found}", fontsize=11)
    axis.set_xlabel("azimuth")
    ticks = [degree for degree in range(0, 360, 45) if grid.columns.min() <= degree <= grid.columns.max()]
    axis.set_xticks(ticks, [compass(degree) for degree in ticks])


def title(station: str) -> str:
    """Write a station's name as a title: `sand-point` becomes `Sand Point`."""
    return station.replace("-", " ").title()


def compass(azimuth: float) -> str:
    """Name an azimuth: degrees, and the point of the compass where it is one."""
    points = {0: "N", 45: "NE", 90: "E", 135: "SE", 180: "S", 225: "SW", 270: "W", 315: "NW"}
    return f"{azimuth:g}° {points.get(int(azimuth), '')}".strip() if azimuth == int(azimuth) else f"{azimuth:g}°"


def main(folder: str) -> None:
    """Run the task."""
    table = read_results(Path(folder))
    best = best_orientations(table)
    table.to_csv("yields.csv", index=False)
    plot(table, best, Path("yields.png"))
    stats.write_stats(len(table))
    for row in best.itertuples():
        print(f"{title(row.station)}: {row.kwh_per_kw:.0f} kWh per kW at tilt {row.tilt:g}°, azimuth {row.azimuth:g}°")


if __name__ == "__main__":
    main(*sys.argv[1:])
