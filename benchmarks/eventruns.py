"""CPU and memory of ``xbatch run`` from an event list to products, against scripts that make the same.

``python benchmarks/eventruns.py [--events N ...] [--runs N] [--peers PYTHON]`` makes up lists (`eventlist`) and takes,
in turns, each as a command with its own processes, what all of them cost counted:

- ``xbatch run`` for the first time: an image, two spectra, 24 light curves net of background (no pictures, as the
  scripts draw none), with plan, records, page and store;
- ``xbatch run`` again with another region and other bands;
- ``peers/astropy_script.py``: the same products as one writes them with astropy and numpy;
- ``peers/stingray_script.py`` and ``HENreadevents``, which only reads the list, if they are there. ``--peers`` (or
  XBATCH_PEERS) names the interpreter of an environment that has them.

Counts of xbatch and of the script must be equal. Exits 1 if they are not, or a goal is missed. ``--alone`` takes xbatch
alone, to see how it grows: ``--alone --runs 1 --events 10000000 100000000`` needs 12 GB of room.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
XBATCH = str(Path(sys.executable).with_name("xbatch"))
ONLY = [part for pattern in ("spectrum:*", "image:*", "lightcurve:*") for part in ("--only", pattern)]
SPEC = """\
xbatch: 1
name: benchmark
target: {name: Benchmark, position: ["83.63 deg", "22.01 deg"], frame: fk5}
mission: nustar
obsids: ["99900000001"]
instruments: [FPMA]
data: {root: ., level: events, events: LIST}
screening: {default: {grade: 0-26}}
regions:
  src: {shape: circle, center: target, radius: RADIUS}
  bkg: {shape: annulus, center: target, inner: 147.48644 arcsec, outer: 245.81074 arcsec}
spectra:
  src: {region: src, background: bkg}
bands:
  all: {scheme: linear, range: RANGE keV, n: 24}
images:
  sky: {bands: [1.6-165.44 keV], figure: false}
lightcurves:
  lc: {spectrum: src, dt: 100 s, bands: [all], figure: false}
"""
#: What xbatch may cost at most, as a part of what another way costs, by the least and the most events of the list.
GOALS = {
    ("first", "astropy"): (1 / 2, 5_000_000, math.inf),
    ("first", "stingray"): (1 / 5, 5_000_000, math.inf),
    ("first", "HENreadevents"): (1 / 4, 1_000_000, 1_000_000),
    ("again", "astropy"): (1 / 6, 5_000_000, math.inf),
}
MOST_MB = 150
#: A file changed a moment ago is digested again, because a second change could leave the same times.
SETTLED = 2.5
# An installed package has its bytecode; a shell that forbids to write it would have every run compile everything.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass
class Desk:
    """A folder with a list, and what each way has cost in it so far."""

    folder: Path
    events: int
    peers: str
    alone: bool = False
    cpu: dict[str, list[float]] = field(default_factory=dict)

    @property
    def list(self) -> Path:
        """The event list."""
        return self.folder / f"list{self.events}.evt"

    def spec(self, radius: str, band: str) -> Path:
        """Write a spec."""
        path = self.folder / "spec.yaml"
        text = SPEC.replace("LIST", self.list.name).replace("RADIUS", radius).replace("RANGE", band)
        path.write_text(text)
        return path

    def take(self, way: str, command: list[str]) -> None:
        """Run a command and keep what it and its children cost."""
        with (self.folder / "said.txt").open("w+") as said:
            child = subprocess.Popen(command, cwd=self.folder, stdout=said, stderr=said, env=ENVIRONMENT)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode != 0:
                said.seek(0)
                raise SystemExit(f"{' '.join(command)} ended with {child.returncode}:\n{said.read()}")
        self.cpu.setdefault(way, []).append(usage.ru_utime + usage.ru_stime)

    def once(self) -> None:
        """Take every way once."""
        out, store = self.folder / "out", self.folder / "store"
        shutil.rmtree(out, ignore_errors=True)
        shutil.rmtree(store, ignore_errors=True)
        where = ["--out", str(out), "--store", str(store), "--jobs", "1", *ONLY]
        self.take("first", [XBATCH, "run", str(self.spec("49.162147 arcsec", "3-27")), *where])
        shutil.rmtree(self.folder / "first", ignore_errors=True)
        shutil.copytree(out / "products", self.folder / "first")
        self.take("again", [XBATCH, "run", str(self.spec("73.7 arcsec", "3-79")), *where])
        if self.alone:
            return
        made = self.folder / "made"
        made.mkdir(exist_ok=True)
        self.take("astropy", [sys.executable, str(FOLDER / "peers" / "astropy_script.py"), str(self.list), str(made)])
        if has(self.peers, "stingray"):
            (self.folder / "other").mkdir(exist_ok=True)
            script = str(FOLDER / "peers" / "stingray_script.py")
            self.take("stingray", [self.peers, "-W", "ignore", script, str(self.list), str(self.folder / "other")])
        if has(self.peers, "hendrics"):
            self.take("HENreadevents", [str(Path(self.peers).with_name("HENreadevents")), str(self.list)])

    def memory(self) -> float:
        """Give the peak memory of the worst step of the last runs, in MB."""
        records = [json.loads(path.read_text()) for path in (self.folder / "store").glob("*/*/record.json")]
        return max(float(record["max_rss_mb"]) for record in records)

    def differences(self) -> list[str]:
        """Say where xbatch and the astropy script have counted differently."""
        code = f"""
import glob, numpy as np
from astropy.io import fits
ours, theirs = {str(self.folder / "first" / "99900000001" / "FPMA")!r}, {str(self.folder / "made")!r}
for a, b in (("src/spectrum.pha", "src.pha"), ("src/background.pha", "bkg.pha")):
    if not np.array_equal(fits.getdata(f"{{ours}}/{{a}}")["COUNTS"], fits.getdata(f"{{theirs}}/{{b}}")["COUNTS"]):
        print(a)
image = glob.glob(f"{{ours}}/images/sky/*.img")[0]
if not np.array_equal(fits.getdata(image), fits.getdata(f"{{theirs}}/image.fits")):
    print("image")
files = [f"{{ours}}/lightcurves/lc/all.{{n + 1}}.lc" for n in range(24)]
for n, path in enumerate(files):
    a, b = fits.getdata(path, "RATE"), fits.getdata(f"{{theirs}}/band{{n}}.lc")
    if not np.allclose(a["RATE"], b["RATE"], rtol=1e-4, atol=1e-6):
        print(path.rpartition("/")[2])
"""
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        return said.stdout.split() + said.stderr.splitlines()[-1:]


def has(python: str, package: str) -> bool:
    """Say whether an interpreter has a package."""
    code = f"import importlib.util as u, sys; sys.exit(u.find_spec({package!r}) is None)"
    return subprocess.run([python, "-c", code], check=False).returncode == 0


def measure(desk: Desk, runs: int) -> bool:
    """Measure with one list; print, and give whether all goals are met."""
    code = f"import sys; sys.path.insert(0, {str(FOLDER)!r}); from pathlib import Path; import eventlist; " + (
        f"eventlist.write_list(Path({str(desk.list)!r}), {desk.events})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    time.sleep(SETTLED)
    for _ in range(runs):
        desk.once()
    size = desk.list.stat().st_size
    print(f"{desk.events} events, {size / 1e6:.0f} MB, {runs} runs, medians of CPU")
    words = {
        "first": "xbatch run, the first time",
        "again": "xbatch run, another region, other bands",
        "astropy": "astropy script",
        "stingray": "stingray script",
        "HENreadevents": "HENreadevents, which reads the list",
    }
    met = True
    for way, text in words.items():
        if way not in desk.cpu:
            print(f"{text:<42}{'not taken' if desk.alone else 'not installed'}")
            continue
        line = f"{text:<42}{statistics.median(desk.cpu[way]):8.2f} s"
        for (ours, theirs), (goal, least, most) in GOALS.items():
            if ours == way and theirs in desk.cpu:
                ratio = statistics.median(a / b for a, b in zip(desk.cpu[ours], desk.cpu[theirs], strict=True))
                line += f"  1/{1 / ratio:.1f} of {theirs}"
                if least <= desk.events <= most:
                    met = met and ratio <= goal
                    line += f" (at most 1/{1 / goal:.0f}{'' if ratio <= goal else ': MISSED'})"
        print(line)
    memory, most_mb = desk.memory(), MOST_MB + 0.02 * size / 2**20
    different = [] if desk.alone else desk.differences()
    print(f"peak memory of a step {memory:.0f} MB (at most {most_mb:.0f})")
    if not desk.alone:
        print(f"COUNTED DIFFERENTLY: {', '.join(different)}" if different else "both count the same", flush=True)
    return met and memory <= most_mb and not different


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", default=os.environ.get("XBATCH_PEERS", sys.executable), metavar="PYTHON")
    parser.add_argument("--alone", action="store_true")
    options = parser.parse_args(arguments)
    met, first = [], []
    for count in options.events:
        with tempfile.TemporaryDirectory() as folder:
            desk = Desk(Path(folder), count, options.peers, options.alone)
            met.append(measure(desk, options.runs))
            first.append((count, statistics.median(desk.cpu["first"])))
    for (few, cheap), (many, dear) in pairwise(first):
        grown = (dear / cheap) / (many / few)
        print(
            f"from {few} to {many} events the first run costs {dear / cheap:.1f} times as much (at most {many / few:g})"
        )
        met.append(grown <= 1)
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
