"""CPU of reading a redistribution matrix, against Sherpa's own reader of RMF files.

``python benchmarks/response.py [--runs N] [RMF ...]`` makes three RMF files of 4096 energies and 4096 channels: the
narrow matrix of a CCD or CdZnTe detector, one that is written full though half of it is zeros (as NuSTAR's are), and
one of several groups an energy in columns of a fixed width (as those of the EPIC cameras are). It reads each in turn
with ``sherpa.astro.io.read_rmf`` and with xbatch, from a warm page cache. Both must fold a random spectrum to the same
counts; exits 1 if they do not, or if xbatch takes more than a fifth of Sherpa's time. RMF files that are named are
measured in place of those, without a goal.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from xbatch.ogip.response import read_response
from xbatch.xray.fold import fold

Floats = NDArray[np.float64]

SIZE = 4096  # energies, channels
WIDTH, BOTTOM = 0.04, 1.6  # keV
FWHM = 0.4  # keV
GOAL = 0.2  # of Sherpa's time


def narrow(rng: np.random.Generator) -> list[list[tuple[int, Floats]]]:
    """Give one group an energy: a line of about 25 channels."""
    sigma = FWHM / 2.355 / WIDTH
    rows = []
    for middle in range(SIZE):
        first, stop = max(0, middle - 13), min(SIZE, middle + 13)
        line = np.exp(-0.5 * ((np.arange(first, stop) - middle) / sigma) ** 2)
        rows.append([(first, line / line.sum())])
    return rows


def full(rng: np.random.Generator) -> list[list[tuple[int, Floats]]]:
    """Give one group of all channels an energy: a tail down to the first channel, and zeros above the line."""
    rows = []
    for middle in range(SIZE):
        row = np.zeros(SIZE)
        row[: middle + 13] = rng.uniform(1e-6, 1e-4, min(middle + 13, SIZE))
        row[max(0, middle - 13) : middle + 13] += 0.03
        rows.append([(0, row)])
    return rows


def scattered(rng: np.random.Generator) -> list[list[tuple[int, Floats]]]:
    """Give up to six groups an energy."""
    rows = []
    for middle in range(SIZE):
        count = int(rng.integers(1, 7))
        starts = np.linspace(0, middle, count, dtype=int)
        rows.append([(int(s), rng.uniform(1e-4, 1e-2, 60)) for s in starts[:-1] if middle - s > 700])
        rows[-1].append((max(0, middle - 30), rng.uniform(1e-4, 1e-2, min(60, SIZE - max(0, middle - 30)))))
    return rows


MATRICES: dict[str, Callable[[np.random.Generator], list[list[tuple[int, Floats]]]]] = {
    "narrow": narrow,
    "full": full,
    "scattered": scattered,
}


def write(path: Path, rows: list[list[tuple[int, Floats]]]) -> None:
    """Write an RMF file: MATRIX of variable length, F_CHAN and N_CHAN as wide as the row of most groups."""
    most = max(map(len, rows))
    first, length = np.zeros((2, SIZE, most), dtype=np.int16)
    elements = np.empty(SIZE, dtype=object)
    for number, groups in enumerate(rows):
        first[number, : len(groups)] = [group[0] for group in groups]
        length[number, : len(groups)] = [group[1].size for group in groups]
        elements[number] = np.concatenate([group[1] for group in groups]).astype(np.float32)
    edges = BOTTOM + WIDTH * np.arange(SIZE + 1)
    form = "I" if most == 1 else f"{most}I"
    first, length = (first[:, 0], length[:, 0]) if most == 1 else (first, length)
    matrix = fits.BinTableHDU.from_columns(
        [
            fits.Column("ENERG_LO", "E", array=edges[:-1]),
            fits.Column("ENERG_HI", "E", array=edges[1:]),
            fits.Column("N_GRP", "I", array=np.array([len(groups) for groups in rows])),
            fits.Column("F_CHAN", form, array=first),
            fits.Column("N_CHAN", form, array=length),
            fits.Column("MATRIX", f"PE({max(map(len, elements))})", array=elements),
        ],
        name="MATRIX",
    )
    matrix.header.update(
        TLMIN4=0, TELESCOP="NONE", INSTRUME="NONE", FILTER="NONE", CHANTYPE="PI", DETCHANS=SIZE, HDUCLASS="OGIP",
        HDUCLAS1="RESPONSE", HDUCLAS2="RSP_MATRIX", HDUCLAS3="REDIST",
    )  # fmt: skip
    bounds = fits.BinTableHDU.from_columns(
        [
            fits.Column("CHANNEL", "I", array=np.arange(SIZE)),
            fits.Column("E_MIN", "E", array=edges[:-1]),
            fits.Column("E_MAX", "E", array=edges[1:]),
        ],
        name="EBOUNDS",
    )
    bounds.header.update(TLMIN1=0, HDUCLASS="OGIP", HDUCLAS1="RESPONSE", HDUCLAS2="EBOUNDS")
    fits.HDUList([fits.PrimaryHDU(), matrix, bounds]).writeto(path)


def seconds(read: Callable[[], Any]) -> tuple[float, Any]:
    """Give the CPU time of reading, and what was read (so that giving up its memory is not part of it)."""
    start = time.process_time()
    result = read()
    return time.process_time() - start, result


def same(ours: Any, theirs: Any) -> bool:
    """Say whether both fold a random spectrum to the same counts."""
    flux = np.random.default_rng(2).uniform(size=ours.energ_lo.size)
    groups = np.arange(ours.channel.size)
    scale = np.ones(ours.channel.size)
    folding = fold(ours.indptr, ours.indices, ours.matrix, np.ones(flux.size), groups, scale, groups.size)
    return bool(np.allclose(folding.matrix @ flux, theirs.apply_rmf(flux), rtol=1e-10, atol=1e-15))


def measure(name: str, path: Path, runs: int, goal: float | None) -> bool:
    """Read a file with both, print a line of the table, and say whether the goal was missed."""
    from sherpa.astro.io import read_rmf

    times: dict[str, list[float]] = {"xbatch": [], "sherpa": []}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agree = same(read_response(path, None), read_rmf(str(path)))
        for _ in range(runs):
            times["xbatch"].append(seconds(lambda: read_response(path, None))[0])
            times["sherpa"].append(seconds(lambda: read_rmf(str(path)))[0])
    ours, theirs = (statistics.median(values) for values in times.values())
    missed = not agree or (goal is not None and ours > goal * theirs)
    said = "  NOT THE SAME MATRIX" if not agree else "  MISSED" if missed else ""
    wanted = "" if goal is None else f"{goal:.2f}"
    print(f"{name:<28}{theirs * 1e3:>10.1f}{ours * 1e3:>10.1f}{ours / theirs:>8.2f}{wanted:>8}{said}")
    return missed


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the table, and give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=15, help="readings of each kind [default: 15]")
    parser.add_argument("files", nargs="*", type=Path, metavar="RMF", help="files to read in place of simulated ones")
    options = parser.parse_args(arguments)
    logging.getLogger("sherpa").setLevel(logging.ERROR)
    print(f"{'reading an RMF, CPU ms':<28}{'sherpa':>10}{'xbatch':>10}{'ratio':>8}{'goal':>8}")
    if options.files:
        missed = [measure(path.name, path, options.runs, None) for path in options.files]
        return int(any(missed))
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        for name, make in MATRICES.items():
            path = Path(folder) / f"{name}.rmf"
            write(path, make(np.random.default_rng(1)))
            missed.append(measure(f"{name}, {SIZE} x {SIZE}", path, options.runs, GOAL))
    return int(any(missed))


if __name__ == "__main__":
    sys.exit(main())
