"""CPU of grouping a spectrum by each type of binning, against Sherpa's own where it has the type.

``python benchmarks/grouping.py [--runs N]`` makes up a bright and a faint spectrum of 4096 channels (seeded), with a
background and the resolution of a NuSTAR-like response, and groups both by every type, in turns with Sherpa's
``DataPHA.group_counts``, ``group_snr`` and ``group_width``. The best of all runs counts, the slower of both spectra.
Groups that both make must be the same; exits 1 if they are not, or if a type takes more than a millisecond. The widths
of the response are found once for each response and are no part of it.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.xray import grouping, grouping_nutools, grouping_optimal, grouping_peers

Floats = NDArray[np.float64]

CHANNELS = 4096
COUNTS = {"bright": 1.4e6, "faint": 3e3}
SCALE = 0.5  # what a background count stands for in the source region
GOAL = 1.0  # ms
# A ratio that no whole counts meet exactly: Sherpa wants more than it, this program as much.
COUNTS_WANTED, SNR_WANTED, WIDTH_WANTED = 30, 2.9, 7
RANGES = [(0, 999, 4), (1000, 1999, 10), (2000, 4095, 64)]


def spectrum(total: float) -> tuple[Floats, Floats]:
    """Give counts of the source region, and of a background region."""
    rng = np.random.default_rng(3)
    channel = np.arange(CHANNELS)
    shape = np.exp(-channel / 250) * (channel > 20)
    below = np.full(CHANNELS, 0.002 * total / CHANNELS)
    return rng.poisson(total * shape / shape.sum() + SCALE * below).astype(float), rng.poisson(below).astype(float)


def types(total: float) -> dict[str, Callable[[], grouping.Flags]]:
    """Give what each type does with a spectrum."""
    counts, background = spectrum(total)
    quality = np.zeros(CHANNELS, dtype=np.int16)
    channel = np.arange(CHANNELS)
    net, variance = grouping.net_and_variance(counts, counts, background, background, SCALE)
    fwhm = np.round(10 + channel / 300)
    limited = grouping_peers.limited_background(counts, SCALE * background)
    three = grouping_peers.Minima(counts=25, snr=3, oversample=3)
    script = grouping_peers.Minima(snr=6, oversample=3)
    widths = fwhm.tolist()
    return {
        "none": lambda: grouping.group_none(quality),
        "constant": lambda: grouping.group_constant(quality, WIDTH_WANTED),
        "constant, ranges": lambda: grouping.group_ranges(quality, channel, RANGES),
        "min": lambda: grouping.group_min(counts, quality, COUNTS_WANTED),
        "min 1": lambda: grouping.group_min(counts, quality, 1),
        "bmin": lambda: grouping.group_min(background, quality, 3),
        "snmin": lambda: grouping.group_snr(counts, counts, quality, SNR_WANTED),
        "snmin, net": lambda: grouping.group_snr(net, variance, quality, SNR_WANTED),
        "opt": lambda: grouping_optimal.group_optimal(counts, fwhm, quality),
        "optmin": lambda: grouping_optimal.group_optimal_min(counts, fwhm, quality, COUNTS_WANTED),
        "optsnmin": lambda: grouping_optimal.group_optimal_snr(counts, fwhm, (net, variance), quality, SNR_WANTED),
        "specgroup": lambda: grouping_peers.group_specgroup(counts, quality, three, (net, variance), fwhm),
        "ogrppha": lambda: grouping_peers.group_ogrppha(counts, limited, quality, script, widths.__getitem__),
        "nutools, mended": lambda: grouping_nutools.group_net_counts(net, quality, 20),
        "nutools, faithful": lambda: grouping_nutools.group_as_scripts(net, channel, quality, 20),
    }


def peers(total: float) -> dict[str, Callable[[], Any]]:
    """Give what Sherpa does with the same spectrum, by the type."""
    from sherpa.astro.data import DataPHA

    counts, _ = spectrum(total)

    def grouped(method: str, value: float) -> Callable[[], Any]:
        def run() -> Any:
            data = DataPHA("x", np.arange(1, CHANNELS + 1), counts)
            getattr(data, method)(value)
            return data

        return run

    return {
        "constant": grouped("group_width", WIDTH_WANTED),
        "min": grouped("group_counts", COUNTS_WANTED),
        "snmin": grouped("group_snr", SNR_WANTED),
    }


def seconds(work: Callable[[], Any], runs: int) -> float:
    """Give the least CPU time of some runs."""
    best = float("inf")
    for _ in range(runs):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def same(ours: grouping.Flags, theirs: Any) -> bool:
    """Say whether both make the same groups; what is left over at the end is flagged by both, grouped by none."""
    good = (ours[1] == 0) & (np.asarray(theirs.quality) == 0)
    return bool(np.array_equal(ours[0][good], np.asarray(theirs.grouping)[good]) and good.sum() > CHANNELS / 4)


def measure(runs: int) -> dict[str, tuple[float, float | None, bool]]:
    """Give for each type our time, Sherpa's (None where it has no such type), and whether both agree."""
    found: dict[str, tuple[float, float | None, bool]] = {}
    for total in COUNTS.values():
        others: Mapping[str, Callable[[], Any]] = peers(total)
        for name, work in types(total).items():
            mine, peer = seconds(work, runs), None
            agree = True
            if name in others:
                peer = seconds(others[name], runs)
                agree = same(work(), others[name]())
            before = found.get(name, (0.0, 0.0, True))
            peer = peer if peer is None else max(peer, before[1] or 0.0)
            found[name] = (max(mine, before[0]), peer, agree and before[2])
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the table, and give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=40, help="groupings of each kind [default: 40]")
    options = parser.parse_args(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = measure(options.runs)
    print(f"{f'grouping {CHANNELS} channels, CPU ms':<36}{'sherpa':>10}{'xbatch':>10}{'ratio':>8}{'goal':>8}")
    missed = False
    for name, (mine, peer, agree) in found.items():
        wrong = mine * 1e3 > GOAL or not agree
        missed = missed or wrong
        other = "" if peer is None else f"{peer * 1e3:.3f}"
        ratio = "" if peer is None else f"{mine / peer:.2f}"
        said = "  NOT THE SAME GROUPS" if not agree else "  MISSED" if wrong else ""
        print(f"{name:<36}{other:>10}{mine * 1e3:>10.3f}{ratio:>8}{GOAL:>8.2f}{said}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
