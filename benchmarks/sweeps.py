"""CPU and peak memory of large sweeps: members that are loaded, steps that are planned.

``python benchmarks/sweeps.py [--runs N]`` makes up headers of spectra and specs that sweep a binning and two parameters
of a fit: 1000 members with one spectrum, 10 000 members with one spectrum, and 3375 members with ten spectra, which are
101 422 steps. Each is planned by ``xbatch plan`` in a process of its own. The best of all runs counts. Exits 1 if one
takes longer than its goal, or has another number of steps than it should have.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

XBATCH = str(Path(sys.executable).with_name("xbatch"))
TEMPLATE = """\
xbatch: 1
name: sweep
mission: nustar
obsids: [{obsids}]
instruments: [{instruments}]
data: {{level: spectra}}
spectra: {{src: {{file: "{{obsid}}{{module}}.pha", response: r.rmf, arf: r.arf, background: none}}}}
binning: {{sn: {{type: snmin, snr: 6, background: false}}}}
fit:
  one:
    data: [{{spectra: src, binning: sn, band: 3-79 keV}}]
    group_by: [obsid, instrument]
    background: {{mode: none}}
    statistic: chi2
    model: tbabs.gal * (powerlaw.pl + gaussian.fe)
    parameters:
      gal.nH: {{value: 1, min: 0, max: 100}}
      pl.PhoIndex: {{value: 1, min: -3, max: 10}}
      fe.LineE: {{value: 6.4, min: 6, max: 7}}
      fe.Sigma: {{value: 0.1, min: 0, max: 1}}
sweep:
  limit: 100000
  grid:
    binning.sn.snr: {snr}
    fit.one.parameters.gal.nH.value: {columns}
    fit.one.parameters.pl.PhoIndex.value: {slopes}
"""


@dataclass(frozen=True)
class Case:
    """A sweep: its spectra, the lengths of its axes, and how long its plan may take, in seconds."""

    observations: int
    modules: str
    lengths: tuple[int, int, int]
    goal: float

    @property
    def spectra(self) -> int:
        """How many spectra there are."""
        return self.observations * len(self.modules)

    @property
    def members(self) -> int:
        """How many members there are."""
        bins, columns, slopes = self.lengths
        return bins * columns * slopes

    @property
    def steps(self) -> int:
        """How many steps differ.

        A spectrum and its response; its groupings; a fit, a plot and scripts of each member; two tables.
        """
        return self.spectra * (2 + self.lengths[0] + 3 * self.members) + 2

    def write(self, folder: Path) -> Path:
        """Write the headers of all files, and the spec."""
        obsids = [f"{90402339000 + number}" for number in range(self.observations)]
        spectra = [f"{obsid}{module}.pha" for obsid in obsids for module in self.modules]
        for name in (*spectra, "r.rmf", "r.arf"):
            write_header(folder / name)
        bins, columns, slopes = self.lengths
        path = folder / "sweep.yaml"
        path.write_text(
            TEMPLATE.format(
                obsids=", ".join(obsids),
                instruments=", ".join(f"FPM{module}" for module in self.modules),
                snr=[number + 1 for number in range(bins)],
                columns=[number + 1 for number in range(columns)],
                slopes=[(number + 1) / 10 for number in range(slopes)],
            )
        )
        return path


CASES = (
    Case(1, "A", (10, 10, 10), 2.0),
    Case(1, "A", (20, 20, 25), 12.0),
    Case(5, "AB", (15, 15, 15), 15.0),
)


def write_header(path: Path) -> None:
    """Write a spectrum's headers, and no rows: a plan looks at nothing else."""

    def block(cards: dict[str, object]) -> bytes:
        lines = []
        for key, value in cards.items():
            text = {True: "T", False: "F"}[value] if isinstance(value, bool) else f"{value}"
            lines.append(f"{key:<8}= {text:>20}" if not isinstance(value, str) else f"{key:<8}= '{value:<8}'")
        raw = "".join(line.ljust(80) for line in [*lines, "END"])
        return raw.ljust(-(-len(raw) // 2880) * 2880).encode()

    primary = {"SIMPLE": True, "BITPIX": 8, "NAXIS": 0}
    table = {"XTENSION": "BINTABLE", "BITPIX": 8, "NAXIS": 2, "NAXIS1": 0, "NAXIS2": 0, "PCOUNT": 0, "GCOUNT": 1}
    path.write_bytes(block(primary) + block({**table, "TFIELDS": 0, "EXTNAME": "SPECTRUM"}))


def planned(spec: Path) -> tuple[float, float, str]:
    """Plan a spec; give user + system time in seconds, peak memory in MB, and the last line that is printed."""
    command = [XBATCH, "plan", str(spec), "--out", str(spec.parent / "out")]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    last = child.stdout.read().decode().splitlines()[-1]
    child.stdout.close()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, last


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the table, and give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=2, help="runs of each plan [default: 2]")
    runs = parser.parse_args(arguments).runs
    missed = False
    print(f"{'plan of a sweep':<32}{'steps':>8}{'CPU s':>8}{'MB':>8}{'goal s':>8}")
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            spec = case.write(Path(folder))
            found = [planned(spec) for _ in range(runs)]
        cpu, memory = min(one[0] for one in found), max(one[1] for one in found)
        wanted = f"{case.members} members, {case.steps} distinct steps: "
        wrong = not all(last.startswith(wanted) for _, _, last in found)
        bad = wrong or cpu > case.goal
        missed = missed or bad
        name = f"{case.members} members, {case.spectra} spectr{'a' if case.spectra > 1 else 'um'}"
        word = "  WRONG NUMBER" if wrong else "  MISSED" if bad else ""
        print(f"{name:<32}{case.steps:>8}{cpu:>8.2f}{memory:>8.0f}{case.goal:>8.1f}{word}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
