"""CPU of a hundred binnings of one spectrum, from the event list to the fits, against scripts with astropy and Sherpa.

``python benchmarks/binnings.py [--events N] [--runs N]`` makes up a list (the simulator's `bench_list`) with responses,
and fits an absorbed power law by chi-squared to the source's spectrum less background, grouped to 20, 21, ... 119
counts. It takes, in turns:

- in one process, imports not counted: xbatch's functions, which extract once and fold the response for each grouping;
  ``peers/binning_script.py`` once more for each binning; the same script with spectra and responses kept loaded;
- as commands, with all that they cost: ``xbatch run`` of a sweep of the hundred, and the script for each binning.

What the script does for each binning is measured on five of them, and taken times twenty. All must find the same
answers: the statistic to 1e-4, parameters to 1 % of their errors. Exits 1 if they do not, or a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
XBATCH = str(Path(sys.executable).with_name("xbatch"))
SCRIPT = FOLDER / "peers" / "binning_script.py"
OBSID = "99900000001"
BINNINGS = tuple(range(20, 120))
FEW = BINNINGS[::20]  # what is measured of a way that does all again for each binning
BAND = (3.0, 79.0)
CHANNELS, PIXELS = 4096, 1000
PARAMETERS = ("gal.nH", "pl.PhoIndex", "pl.norm")
START, LIMITS = (0.5, 1.5, 0.01), ((0.0, 50.0), (-3.0, 10.0), (0.0, 1e24))
#: What a way of xbatch's may cost at most, as a part of another's.
GOALS = {("functions", "script in one process"): 1 / 40, ("functions", "kept loaded"): 1 / 4, ("run", "script"): 1 / 40}
SPEC = f"""\
xbatch: 1
name: binnings
mission: nustar
obsids: ["{OBSID}"]
instruments: [FPMA]
data: {{root: ., level: events, events: list.evt}}
screening: {{default: {{grade: 0-26}}}}
regions:
  src: {{shape: circle, frame: physical, center: [476, 482], radius: 25}}
  bkg: {{shape: circle, frame: physical, center: [620, 600], radius: 60}}
spectra:
  src: {{region: src, background: bkg, response: x.rmf, arf: x.arf}}
bands: {{main: {BAND[0]:g}-{BAND[1]:g} keV}}
binning:
  least: {{type: min, counts: 20}}
fit:
  absorbed:
    data: [{{spectra: src, binning: least, band: main, edge: overlap}}]
    background: {{mode: subtract}}
    statistic: chi2
    variance: data
    abundances: wilm
    cross_sections: vern
    model: tbabs.gal * powerlaw.pl
    parameters:
      gal.nH: {{value: {START[0]}, min: 0, max: 50}}
      pl.PhoIndex: {{value: {START[1]}, min: -3, max: 10}}
      pl.norm: {{value: {START[2]}}}
sweep: {{grid: {{binning.least.counts: {list(BINNINGS)}}}}}
"""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# An installed package has its bytecode; a shell that forbids to write it would have every run compile everything.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    **dict.fromkeys(THREADS, "1"),
}
#: A file changed a moment ago is digested again, because a second change could leave the same times.
SETTLED = 2.5
Answers = dict[int, dict[str, Any]]


def prepare(folder: Path, events: int) -> None:
    """Write list, responses, the absorber's table and the spec."""
    import numpy as np

    from xbatch.ogip.response import read_response
    from xbatch.ogip.responsewriter import write_arf, write_rmf
    from xbatch.simulator.bench import bench_list
    from xbatch.simulator.config import Detector
    from xbatch.simulator.instrument import make_response
    from xbatch.xray.absorption import absorption_table

    bench_list(folder / "list.evt", events)
    telescope = {"TELESCOP": "NuSTAR", "INSTRUME": "FPMA", "FILTER": "NONE", "CHANTYPE": "PI"}
    write_rmf(folder / "x.rmf", make_response(Detector()), telescope)
    write_arf(folder / "x.arf", make_response(Detector()), telescope)
    read = read_response(folder / "x.rmf", folder / "x.arf")
    edges = np.append(read.energ_lo, read.energ_hi[-1])
    np.save(folder / "tau.npy", np.stack([read.energ_lo, absorption_table(edges, "wilm", "vern", "tbabs")]))
    (folder / "spec.yaml").write_text(SPEC)
    (folder / "made").mkdir()


def functions(folder: Path) -> Callable[[], Answers]:
    """Give what xbatch's functions do, with all imported."""
    import numpy as np

    from xbatch.ogip.eventtable import EventTable
    from xbatch.ogip.response import read_response
    from xbatch.registry import Job
    from xbatch.tasks.events import run as screen
    from xbatch.xray.eventcounts import SpectrumCounter
    from xbatch.xray.fit.engine import run_fit
    from xbatch.xray.fit.parameters import FitParameter, Parameters
    from xbatch.xray.fit.problem import Dataset, ModelSpec, Problem
    from xbatch.xray.fold import find_groups, group_sum, notice
    from xbatch.xray.grouping import group_min
    from xbatch.xray.redistribution import Redistribution
    from xbatch.xray.region_labels import label_image
    from xbatch.xray.region_masks import Field, draw
    from xbatch.xray.regions import Circle
    from xbatch.xray.statistics import GroupedCounts, make_statistic

    field = Field(1, PIXELS, 1, PIXELS)
    circles = [Circle(476.0, 482.0, 25.0), Circle(620.0, 600.0, 60.0)]
    tree = {"op": "*", "args": [{"component": "gal"}, {"component": "pl"}]}
    model = ModelSpec(tree, {"gal": "tbabs", "pl": "powerlaw"})
    parameters = [
        FitParameter(name, *name.split("."), (0,), value, *limits)
        for name, value, limits in zip(PARAMETERS, START, LIMITS, strict=True)
    ]

    def all_of_it() -> Answers:
        screen(Job("events:benchmark", {"screening": {"grade": [0, 26]}}, {"events": folder / "list.evt"}, folder))
        table = EventTable.open(folder / "events.bin")
        rasters = [draw([circle], field=field) for circle in circles]
        image = label_image(rasters)
        counter = SpectrumCounter(image.members, 0, CHANNELS - 1)
        for chunk in table.chunks(["pi", "x", "y"]):
            counter.add(image.at(chunk["x"], chunk["y"]), chunk["pi"])
        source, below = counter.counts.astype(float)
        scale = np.count_nonzero(rasters[0].bits) / np.count_nonzero(rasters[1].bits)
        response = read_response(folder / "x.rmf", folder / "x.arf")
        rows = Redistribution(response.indptr, response.indices, response.matrix, CHANNELS)
        edges = np.append(response.energ_lo, response.energ_hi[-1])
        exposure = np.full(CHANNELS, table.header.exposure)
        found = {}
        for least in BINNINGS:
            flags, quality = group_min(source, np.zeros(CHANNELS, dtype=np.int16), least)
            groups = notice(find_groups(flags, quality), response.e_min, response.e_max, *BAND, edge="overlap")
            counts, background = group_sum(groups, source), group_sum(groups, below)
            shares = np.full(groups.size, scale)
            grouped = GroupedCounts(counts, np.zeros(groups.size), background, shares, scale * background)
            folding = rows.fold(response.specresp, groups.index, exposure, groups.size)
            data = Dataset(edges, folding, make_statistic(grouped, "chi2", "data", subtract=True), grouped.net)
            fit = run_fit(Problem([data], model, Parameters(parameters)))
            assert fit.covariance is not None
            errors = np.sqrt(np.diag(fit.covariance)).tolist()
            found[least] = {"statistic": fit.statistic, "values": fit.free.tolist(), "errors": errors}
        return found

    return all_of_it


def again(folder: Path) -> Callable[[], Answers]:
    """Give what the script does, all of it for each binning."""
    script = script_module()
    names = [folder / name for name in ("list.evt", "x.rmf", "x.arf", "tau.npy", "made")]
    return lambda: {counts: script.main(*names, counts) for counts in FEW}


def kept(folder: Path) -> Callable[[], Answers]:
    """Give what the script does with the spectra extracted and loaded once."""
    script = script_module()

    def all_of_it() -> Answers:
        script.extract(folder / "list.evt", folder / "made")
        script.load(*(folder / name for name in ("x.rmf", "x.arf", "tau.npy", "made")))
        return {counts: script.fit(counts) for counts in BINNINGS}

    return all_of_it


def script_module() -> Any:
    """Import the script."""
    sys.path.insert(0, str(SCRIPT.parent))
    import binning_script

    binning_script.quiet()
    return binning_script


CHILDREN = {"functions": functions, "script in one process": again, "kept loaded": kept}


def ask(way: str, folder: Path) -> tuple[float, Answers]:
    """Take a way in a process of its own, one thread; what it cost once all was imported, and what it found."""
    command = [sys.executable, __file__, "--child", way, str(folder)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout
    told = json.loads(said.splitlines()[-1])
    return told["cpu"], {int(counts): answer for counts, answer in told["found"].items()}


def command(words: Sequence[str], folder: Path) -> tuple[float, str]:
    """Run a command; what it and its children cost, and what it said."""
    with (folder / "said.txt").open("w+") as said:
        child = subprocess.Popen(words, cwd=folder, stdout=said, stderr=said, env=ENVIRONMENT)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(words)} ended with {child.returncode}:\n{text}")
    return usage.ru_utime + usage.ru_stime, text


def sweep(folder: Path) -> tuple[float, Answers]:
    """Run the spec from nothing, with tables of all fits, but neither plots nor scripts for other programs."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    words = [XBATCH, "run", "spec.yaml", "--out", "out/run", "--jobs", "1", "--only", "parameters:*"]
    cpu, _ = command(words, folder)
    found = {}
    for path in (folder / "out" / "run" / "products").rglob("fit.json"):
        fit = json.loads(path.read_text())
        values = {one["name"]: (one["value"], one["error_plus"]) for one in fit["parameters"]}
        found[int(path.parent.name.partition("=")[2])] = {
            "statistic": fit["stat_value"],
            "values": [values[name][0] for name in PARAMETERS],
            "errors": [values[name][1] for name in PARAMETERS],
        }
    return cpu, found


def scripts(folder: Path) -> tuple[float, Answers]:
    """Run the script once for each binning."""
    names = ["list.evt", "x.rmf", "x.arf", "tau.npy", "made"]
    told = {counts: command([sys.executable, str(SCRIPT), *names, str(counts)], folder) for counts in FEW}
    found = {counts: json.loads(text.splitlines()[-1]) for counts, (_, text) in told.items()}
    return sum(cpu for cpu, _ in told.values()), found


WAYS: dict[str, tuple[str, Callable[[Path], tuple[float, Answers]]]] = {
    "functions": ("xbatch's functions", lambda folder: ask("functions", folder)),
    "script in one process": ("script, again for each", lambda folder: ask("script in one process", folder)),
    "kept loaded": ("script, all kept loaded", lambda folder: ask("kept loaded", folder)),
    "run": ("xbatch run, a sweep", sweep),
    "script": ("script, a command for each", scripts),
}


def differences(ours: Answers, theirs: Answers) -> list[str]:
    """Say where two ways differ."""
    said = []
    for counts, answer in theirs.items():
        mine = ours.get(counts)
        if mine is None:
            said.append(f"no fit of {counts} counts")
            continue
        apart = [
            abs(a - b) / error for a, b, error in zip(mine["values"], answer["values"], mine["errors"], strict=True)
        ]
        if abs(mine["statistic"] - answer["statistic"]) > 1e-4 * answer["statistic"] or max(apart) > 0.01:
            said.append(f"{counts} counts: {mine['statistic']:.4f} {answer['statistic']:.4f}, {max(apart):.1e} sigma")
    return said


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--child", nargs=2, metavar=("WAY", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        work = CHILDREN[options.child[0]](Path(options.child[1]))
        start = time.process_time()
        found = work()
        print(json.dumps({"cpu": time.process_time() - start, "found": found}))
        return 0
    cpu: dict[str, list[float]] = {way: [] for way in WAYS}
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, options.events)
        time.sleep(SETTLED)
        for _ in range(options.runs):
            for way, (_, take) in WAYS.items():
                cost, found[way] = take(folder)
                cpu[way].append(cost * len(BINNINGS) / len(found[way]))
    print(f"{len(BINNINGS)} binnings of one spectrum, {options.events} events, {options.runs} runs, medians of CPU")
    missed = False
    for way, (text, _) in WAYS.items():
        line = f"{text:<28}{statistics.median(cpu[way]):9.2f} s"
        line += f" (measured on {len(found[way])})" if len(found[way]) < len(BINNINGS) else ""
        for (ours, theirs), goal in GOALS.items():
            if ours == way:
                ratio = statistics.median(a / b for a, b in zip(cpu[ours], cpu[theirs], strict=True))
                missed = missed or ratio > goal
                says = f"at most 1/{1 / goal:.0f}{': MISSED' if ratio > goal else ''}"
                line += f"  1/{1 / ratio:.1f} of '{WAYS[theirs][0]}' ({says})"
        print(line)
    wrong = [said for ours, theirs in GOALS for said in differences(found[ours], found[theirs])]
    print("DIFFERENT ANSWERS: " + "; ".join(wrong) if wrong else "all find the same")
    return int(missed or bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
