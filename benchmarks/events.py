"""CPU and memory of screening an event list, against reading its bytes and counting them without any screening.

``python benchmarks/events.py [--events N] [--runs N]`` makes up a NuSTAR-like list (seeded, 172 GTIs) and takes in
turn, each in a process of its own: the task ``events`` (GTIs, GRADE 0-26, undefined values, table written), then a
spectrum, an image and a light curve of the table; and ``np.fromfile`` of all rows with two bincounts. Prints both,
their ratio, and the peak memory; exits 1 if an event was lost, if the ratio is above 2.5, or memory above 150 MB.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.fitswriter import BinTable, Card, write_fits
from xbatch.ogip.rows import RowTable, row_tables
from xbatch.registry import Job
from xbatch.tasks.events import run
from xbatch.xray.gti import inside
from xbatch.xray.histograms import binned_axis, image_counts, spectrum_counts
from xbatch.xray.lightcurve import light_curve

MOST_RATIO, MOST_MB = 2.5, 150
START, SPAN, GTIS = 1.0e8, 2.0e5, 172
CHANNELS, PIXELS = 4096, 1000
ROW = np.dtype([("TIME", ">f8"), ("PI", ">i4"), ("X", ">i2"), ("Y", ">i2"), ("GRADE", ">i2"), ("REST", ">f4", 9)])


def make(path: Path, count: int) -> int:
    """Write a list; give the number of events that screening must keep."""
    rng = np.random.default_rng(1)
    time = START + SPAN * np.sort(rng.random(count))
    grade = rng.integers(0, 30, count).astype(np.int16)
    columns: list[tuple[str, str, NDArray[Any]]] = [
        ("TIME", "s", time),
        ("PI", "chan", rng.integers(0, CHANNELS, count).astype(np.int32)),
        ("X", "pixel", rng.integers(1, PIXELS + 1, count).astype(np.int16)),
        ("Y", "pixel", rng.integers(1, PIXELS + 1, count).astype(np.int16)),
        ("GRADE", "", grade),
        ("REST", "", np.zeros((count, 9), np.float32)),
    ]
    gti = START + SPAN * np.sort(rng.random(2 * GTIS)).reshape(-1, 2)
    cards = [Card("TELESCOP", "NuSTAR"), Card("MJDREFI", 55197), Card("MJDREFF", 7.6601852e-4), Card("DEADC", 0.9)]
    gti_columns: list[tuple[str, str, NDArray[Any]]] = [("START", "s", gti[:, 0]), ("STOP", "s", gti[:, 1])]
    tables = [BinTable("EVENTS", columns, cards), BinTable("GTI", gti_columns, [Card("HDUCLAS1", "GTI")])]
    write_fits(path, [], tables)
    return int(np.count_nonzero(inside(time, gti) & (grade <= 26)))


def screened(path: Path, out: Path) -> int:
    """Screen a list and count it; give the number of events in spectrum, image and light curve, which must agree."""
    run(Job("events:benchmark", {"screening": {"grade": [0, 26]}}, {"events": path}, out))
    table = EventTable.open(out / "events.bin")
    axis = binned_axis(1, PIXELS, 1)
    image = np.zeros((PIXELS, PIXELS), np.int64)
    spectrum = np.zeros(CHANNELS, np.int64)
    for chunk in table.chunks(["pi", "x", "y"]):
        image += image_counts(chunk["x"], chunk["y"], axis, axis)
        spectrum += spectrum_counts(chunk["pi"], 0, CHANNELS - 1)
    curve = light_curve(table.columns["time"], table.gti, 100.0)
    sums = {int(each.sum()) for each in (image, spectrum, curve.counts)}
    return sums.pop() if len(sums) == 1 else -1


def floor(path: Path) -> int:
    """Read all rows and count them, with no screening."""
    table = next(each for each in row_tables(path) if isinstance(each, RowTable))
    rows = np.fromfile(path, ROW, table.rows, offset=table.offset)
    spectrum = np.bincount(rows["PI"], minlength=CHANNELS)
    np.bincount((rows["Y"].astype(np.int64) - 1) * PIXELS + rows["X"] - 1, minlength=PIXELS * PIXELS)
    return int(spectrum.sum())


def child(way: str, path: Path, count: int) -> None:
    """Take one way and print what it cost."""
    if way == "make":
        print(make(path, count))
        return
    before = resource.getrusage(resource.RUSAGE_SELF)
    with tempfile.TemporaryDirectory() as out:
        kept = screened(path, Path(out)) if way == "task" else floor(path)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"cpu": cpu, "mb": after.ru_maxrss / 1024, "kept": kept}))


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--child", nargs=2, metavar=("WAY", "LIST"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        child(options.child[0], Path(options.child[1]), options.events)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.evt"
        # a process inherits the peak memory of the one that started it, so this one must stay small

        def result(way: str) -> Any:
            command = [sys.executable, __file__, "--events", str(options.events), "--child", way, str(path)]
            return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

        expected = result("make")
        costs: dict[str, list[dict[str, float]]] = {"task": [], "floor": []}
        for _ in range(options.runs):
            for way, found in costs.items():
                found.append(result(way))
    cpu = {way: statistics.median(cost["cpu"] for cost in found) for way, found in costs.items()}
    ratio = statistics.median(
        ours["cpu"] / theirs["cpu"] for ours, theirs in zip(costs["task"], costs["floor"], strict=True)
    )
    memory = max(cost["mb"] for cost in costs["task"])
    right = all(cost["kept"] == expected for cost in costs["task"])
    print(f"{options.events} events, {options.runs} runs, medians of CPU")
    print(f"screened, with table, spectrum, image, light curve   {cpu['task'] * 1e3:8.1f} ms")
    print(f"np.fromfile and two bincounts, nothing screened      {cpu['floor'] * 1e3:8.1f} ms")
    print(f"ratio {ratio:.2f} (at most {MOST_RATIO}); peak memory {memory:.0f} MB (at most {MOST_MB})")
    print("every event is accounted for" if right else "EVENTS WERE LOST")
    return 0 if right and ratio <= MOST_RATIO and memory <= MOST_MB else 1


if __name__ == "__main__":
    sys.exit(main())
