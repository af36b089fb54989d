"""CPU and memory of events on their way to products, against reading the bytes and counting them.

``python benchmarks/events.py [--events N ...] [--runs N]`` makes up NuSTAR-like lists of 18 columns (`eventlist`) and
takes, in turns and each in a process of its own:

- ``np.fromfile`` of all bytes of the list with two bincounts, nothing screened: what is least to be done;
- the task ``events``: GTIs, GRADE 0-26, undefined values, table written;
- the numbers alone: two spectra, an image of 1000 x 1000, 24 light curves, counted from the columns of the table by
  what the tasks ``extract``, ``image`` and ``lightcurve`` count with;
- the same list gzipped through the task, and Python's ``gzip`` alone;
- the look-up of a region's events for each shape of region.

Exits 1 if a goal is missed or an event was lost.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from eventlist import CENTRE, ROW, SIZE, gtis, write_list

from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.rows import RowTable, row_tables
from xbatch.registry import Job
from xbatch.tasks.events import run
from xbatch.xray.eventcounts import CurveCounter, ImageCounter, SpectrumCounter
from xbatch.xray.gti import inside
from xbatch.xray.histograms import binned_axis
from xbatch.xray.lightcurve import bin_edges
from xbatch.xray.region_labels import label_image
from xbatch.xray.region_masks import Field, draw
from xbatch.xray.regions import Annulus, Box, Circle, Ellipse, Polygon, Shape

CHANNELS, BANDS, BIN = 4096, 24, 100.0
FIELD = Field(1, SIZE, 1, SIZE)
SOURCE, BACKGROUND = Circle(CENTRE, CENTRE, 20.0), Annulus(CENTRE, CENTRE, 60.0, 100.0)
#: Most CPU as a multiple of the floor's, of gzip's, of a circle's; most memory in MB beside 2 % of the list.
MOST = {"task": 2.5, "numbers": 1.5, "gzipped": 1.5, "shape": 1.5}
MOST_MB = 150
#: Shapes are compared on a list that is long against the drawing of one.
LONG = 5_000_000


def table_of(path: Path) -> Path:
    """Give where the table of a list is kept between the children."""
    return path.parent / path.name.replace(".", "-")


def screen(path: Path) -> int:
    """Take a list through the task; give the events kept."""
    out = table_of(path)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    outcome = run(Job("events:benchmark", {"screening": {"grade": [0, 26]}}, {"events": path}, out))
    return int(outcome.facts["kept"])


def numbers(path: Path) -> int:
    """Count all products from the table; give the events of the image."""
    table = EventTable.open(table_of(path) / "events.bin")
    image = label_image([draw([SOURCE], field=FIELD), draw([BACKGROUND], field=FIELD)])
    axis = binned_axis(1, SIZE, 1)
    edges = np.unique(np.geomspace(35, 1935, BANDS + 1).astype(int))
    bands = [(int(low), int(high) - 1) for low, high in pairwise(edges)]
    spectra, picture = SpectrumCounter(image.members, 0, CHANNELS - 1), ImageCounter(axis, axis)
    curves = CurveCounter(bin_edges(table.gti[0, 0], table.gti[-1, 1], BIN), bands)
    source = image.members[:, 0]
    for chunk in table.chunks(["time", "pi", "x", "y"]):
        labels = image.at(chunk["x"], chunk["y"])
        spectra.add(labels, chunk["pi"])
        picture.add(chunk["x"], chunk["y"])
        own = np.flatnonzero(source.take(labels))
        curves.add(chunk["time"].take(own), chunk["pi"].take(own))
    in_bands = int(spectra.counts[0, edges[0] : edges[-1]].sum())
    return int(picture.images.sum()) if curves.counts.sum() == in_bands else -1


def floor(path: Path) -> int:
    """Read all rows and count them, with no screening."""
    table = next(each for each in row_tables(path) if isinstance(each, RowTable))
    rows = np.fromfile(path, ROW, table.rows, offset=table.offset)
    spectrum = np.bincount(rows["PI"], minlength=CHANNELS)
    np.bincount((rows["Y"].astype(np.int64) - 1) * SIZE + rows["X"] - 1, minlength=SIZE * SIZE)
    return int(spectrum.sum())


def inflate(path: Path) -> int:
    """Read a gzipped file with Python's gzip."""
    size = 0
    with gzip.open(path) as stream:
        while piece := stream.read(1 << 20):
            size += len(piece)
    return size


def expect(path: Path) -> int:
    """Give the number of events that screening must keep, found in the plainest way."""
    table = next(each for each in row_tables(path) if isinstance(each, RowTable))
    rows = np.fromfile(path, ROW, table.rows, offset=table.offset)
    return int(np.count_nonzero(inside(rows["TIME"].astype(float), gtis()) & (rows["GRADE"] <= 26)))


def star(corners: int) -> Polygon:
    """Give a polygon."""
    angle = 2 * np.pi * np.arange(corners) / corners
    radius = np.where(np.arange(corners) % 2, 260.0, 350.0)
    return Polygon(tuple(zip(CENTRE + radius * np.cos(angle), CENTRE + radius * np.sin(angle), strict=True)))


SHAPES: dict[str, list[Shape]] = {
    "circle": [Circle(CENTRE, CENTRE, 300.0)],
    "annulus": [Annulus(CENTRE, CENTRE, 100.0, 316.0)],
    "ellipse": [Ellipse(CENTRE, CENTRE, 350.0, 257.0, 30.0)],
    "box": [Box(CENTRE, CENTRE, 600.0, 471.0, 30.0)],
    "polygon": [star(12)],
    "box less 3 circles": [
        Box(CENTRE, CENTRE, 620.0, 500.0, 30.0),
        *[Circle(CENTRE + at, CENTRE, 40.0, include=False) for at in (-100.0, 0.0, 100.0)],
    ],
}


def shapes(path: Path) -> dict[str, float]:
    """Give the CPU of finding the events of each shape, the median of five turns."""
    table = EventTable.open(table_of(path) / "events.bin")
    found: dict[str, list[float]] = {name: [] for name in SHAPES}
    for _ in range(5):
        for name, region in SHAPES.items():
            start = time.process_time()
            raster = draw(region, field=FIELD)
            sum(int(np.count_nonzero(raster.at(chunk["x"], chunk["y"]))) for chunk in table.chunks(["x", "y"]))
            found[name].append(time.process_time() - start)
    return {name: statistics.median(each) for name, each in found.items()}


WAYS: dict[str, Callable[[Path], Any]] = {
    "floor": floor,
    "task": screen,
    "numbers": numbers,
    "gzip": inflate,
    "gzipped": screen,
    "shapes": shapes,
    "expect": expect,
}


def child(way: str, path: Path) -> None:
    """Take one way and print what it gave and cost."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = WAYS[way](path)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"cpu": cpu, "mb": after.ru_maxrss / 1024, "found": found}))


def ask(way: str, path: Path) -> Any:
    """Take a way in a process of its own; it inherits the peak memory of this one, which must stay small."""
    command = [sys.executable, __file__, "--child", way, str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def measure(count: int, runs: int, folder: Path) -> bool:
    """Measure with a list of so many events; print and give whether all goals are met."""
    path = folder / f"list{count}.evt"
    write_list(path, count)
    packed = folder / f"list{count}.evt.gz"
    subprocess.run([sys.executable, __file__, "--child", "pack", str(path)], check=True)
    kept = ask("expect", path)["found"]
    costs: dict[str, list[dict[str, Any]]] = {way: [] for way in ("floor", "task", "numbers", "gzip", "gzipped")}
    for _ in range(runs):
        for way, found in costs.items():
            found.append(ask(way, packed if way.startswith("gzip") else path))
    cpu = {way: [cost["cpu"] for cost in found] for way, found in costs.items()}
    middle = {way: statistics.median(values) for way, values in cpu.items()}

    def ratio(of: list[float], to: list[float]) -> float:
        return statistics.median(a / b for a, b in zip(of, to, strict=True))

    more = [packed - plain for packed, plain in zip(cpu["gzipped"], cpu["task"], strict=True)]
    by_shape = ask("shapes", path)["found"]
    ratios = {
        "task": ratio(cpu["task"], cpu["floor"]),
        "numbers": ratio(cpu["numbers"], cpu["floor"]),
        "gzipped": ratio(more, cpu["gzip"]),
        "shape": max(by_shape.values()) / by_shape["circle"],
    }
    memory = {way: max(cost["mb"] for cost in costs[way]) for way in ("task", "numbers", "gzipped")}
    most_mb = MOST_MB + 0.02 * path.stat().st_size / 2**20
    right = all(cost["found"] == kept for way in ("task", "numbers", "gzipped") for cost in costs[way])
    print(f"{count} events, {path.stat().st_size / 1e6:.0f} MB, {runs} runs, medians of CPU")
    goals = [goal for goal in MOST if goal != "shape" or count >= LONG]
    lines: list[tuple[str, float, str | None]] = [
        ("np.fromfile and two bincounts, nothing screened", middle["floor"], None),
        ("task events: screened, table written", middle["task"], "task"),
        ("2 spectra, image, 24 light curves from the table", middle["numbers"], "numbers"),
        ("gzip alone", middle["gzip"], None),
        ("what the list costs more if it is gzipped", statistics.median(more), "gzipped"),
        (f"dearest shape of region: {max(by_shape, key=lambda n: by_shape[n])}", max(by_shape.values()), "shape"),
    ]
    for text, seconds, goal in lines:
        said = "" if goal is None else f"  ratio {ratios[goal]:5.2f} (at most {MOST[goal]})"
        missed = "  MISSED" if goal in goals and ratios[goal] > MOST[goal] else ""
        print(f"{text:<50}{seconds * 1e3:9.1f} ms{said}{missed}")
    print(f"peak memory {max(memory.values()):.0f} MB (at most {most_mb:.0f})")
    print("every event is accounted for" if right else "EVENTS WERE LOST", flush=True)
    for each in (path, packed):
        each.unlink()
        shutil.rmtree(table_of(each))
    return right and max(memory.values()) <= most_mb and all(ratios[goal] <= MOST[goal] for goal in goals)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--child", nargs=2, metavar=("WAY", "LIST"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        way, path = options.child[0], Path(options.child[1])
        if way == "pack":
            with path.open("rb") as source, gzip.open(f"{path}.gz", "wb", compresslevel=6) as target:
                shutil.copyfileobj(source, target, 1 << 20)
        else:
            child(way, path)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        met = [measure(count, options.runs, Path(folder)) for count in options.events]
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
