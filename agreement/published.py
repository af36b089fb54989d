"""Lists of bands that were published with a timing analysis of NGC 5506, and hand-made vectors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from agreement.check import Check, Data, Family, agreeing, run_task
from agreement.grouping import spectrum_of
from xbatch.ogip.pha import write_pha
from xbatch.spec import load
from xbatch.xray.equal_bands import equal_count_edges
from xbatch.xray.grouping import group_min, group_snr, net_and_variance
from xbatch.xray.grouping_nutools import merged_lines, script_lines
from xbatch.xray.grouping_optimal import group_optimal, optimal_widths
from xbatch.xray.lightcurve import light_curve

__all__ = ["checks"]

_LOG = Family(
    "Bands: schemes `log` with `round`",
    "published lists, NGC 5506",
    "every edge",
    "a spec, loaded",
    "exact",
)
_CHANNELS = Family(
    "Bands: schemes `linear` and `log` with `snap: channel`",
    "published lists, NGC 5506",
    "every edge",
    "a spec, loaded",
    "exact",
)
_COUNTS = Family(
    "Bands: scheme `equal-counts`, of one spectrum that has them all",
    "published lists, NGC 5506",
    "every edge",
    "task `bands`, both forms",
    "exact",
)
_VECTORS = Family(
    "Types `nutools` (form `faithful`), `min`, `snmin`, `opt`; equal counts; a light curve",
    "vectors worked out by hand from published rules",
    "every line, flag, edge and bin",
    "`xbatch.xray`",
    "exact (the curve 1e-12)",
)
_QUIRKS = {"48lch": "One edge is printed one channel lower (473) than its own rule gives (474)."}


def checks(data: Data) -> Iterator[Check]:
    """Compare every list."""
    values = json.loads((data.reference / "source-reference-values.json").read_text())
    schemes = values["ngc5506"]["binning"]
    for one in schemes["energy_edges_keV"]:
        if one["spacing"].startswith("log"):
            found: list[str] = []
            with agreeing(found):
                edges = _edges(data, f"{{scheme: log, range: 2-10 keV, n: {one['n_bins']}, round: 2 digits}}")
                assert edges == one["edges_keV"], f"{edges}"
            yield Check(_LOG, one["id"], "; ".join(found))
    for one in schemes["pi_channels"]:
        found = []
        kind = "log" if one["spacing"].startswith("log") else "linear"
        with agreeing(found):
            edges = _edges(data, f"{{scheme: {kind}, range: 2-10 keV, n: {one['n_bins']}, snap: channel}}")
            channels = [round(edge * 200) for edge in edges]
            wrong = [(ours, theirs) for ours, theirs in zip(channels, one["channels"], strict=True) if ours != theirs]
            assert wrong == ([(474, 473)] if one["id"] == "48lch" else []), f"{wrong}"
        yield Check(_CHANNELS, one["id"], "; ".join(found), _QUIRKS.get(one["id"], ""))
    yield from _equal(data, {one["id"]: one["channels"] for one in schemes["equal_counts"]})
    yield from _vectors(values["derived_test_vectors"])


def _edges(data: Data, scheme: str) -> list[float]:
    path = data.folder() / "a.yaml"
    path.write_text(
        "xbatch: 1\nname: a\nmission: xmm\nobsids: ['0761220101']\ninstruments: [EPN]\ndata: {level: spectra}\n"
        f"spectra: {{s: {{file: '{{obsid}}.pha'}}}}\nbands: {{b: {scheme}}}\n"
    )
    bands = list(load(path).members[0].spec.bands.values())
    return [bands[0].lo, *(band.hi for band in bands)]


def _equal(data: Data, lists: dict[str, list[int]]) -> Iterator[Check]:
    """Make one spectrum whose running sum fits the edges of all lists, and find these again."""
    # The lists of 24 and of 48 bands (some of which are joined) fix all but the second of 49 edges.
    fine = sorted({*lists["24cch"], *lists["48cch"], 413})
    sums = {channel: 2 * number for number, channel in enumerate(fine)}
    sums |= {channel: 3 * number for number, channel in enumerate(lists["32cch"])}
    edges = sorted(sums)
    counts = np.zeros(4096)
    counts[edges] = 10000 * np.diff([sums[channel] for channel in edges], prepend=0)
    path = data.folder() / "s.pha"
    write_pha(path, spectrum_of(counts, np.zeros(4096, dtype=np.int16)))
    for name, number, least in (("12cch", 12, None), ("24cch", 24, None), ("32cch", 32, None), ("48cch", 48, 30)):
        found: list[str] = []
        for form in ("mended", "faithful"):
            params: dict[str, Any] = {
                "name": "b",
                "scheme": "equal-counts",
                "lo": 2.0,
                "hi": 10.0,
                "n": number,
                "min_channels": least,
                "form": form,
                "mission": "xmm",
                "instrument": "EPN",
            }
            with agreeing(found):
                out, _ = run_task(data, "bands", params, {"spectrum": path})
                edges = json.loads((out / "bands.json").read_text())["edges"]
                assert edges == lists[name], f"{form}: {edges}"
        yield Check(_COUNTS, name, "; ".join(found))


def _vectors(vectors: dict[str, Any]) -> Iterator[Check]:
    for name in ("gdl_grouping_A", "gdl_grouping_B_merge_of_equal_widths"):
        case = vectors[name]
        found: list[str] = []
        with agreeing(found):
            net = np.array(case["src"], float) - case["scale"] * np.array(case["bkg"], float)
            channel = case["first_channel"] + np.arange(net.size)
            lines = script_lines(net, channel, case["min_net"])
            assert [list(line) for line in lines] == case["lines_before_merge"], f"{lines}"
            merged = merged_lines(lines)
            assert [list(line) for line in merged] == case["file_lines_min_max_width"], f"{merged}"
        yield Check(_VECTORS, name, "; ".join(found))
    case = vectors["equal_counts_edges"]
    found = []
    with agreeing(found):
        for faithful in (False, True):
            edges = equal_count_edges(np.array(case["net_counts"], float), case["n_bins"], faithful=faithful)
            assert edges.tolist() == case["edge_indices"], f"{edges}"
    yield Check(_VECTORS, "equal_counts_edges", "; ".join(found))
    for name, compare in (
        ("grppha_group_min", _group_min),
        ("ftgrouppha_snmin", _group_snr),
        ("optimal_A", _optimal),
        ("optimal_B", _optimal),
        ("lightcurve_fractional_exposure", _curve),
    ):
        found = []
        with agreeing(found):
            compare(vectors[name])
        yield Check(_VECTORS, name, "; ".join(found))


def _group_min(case: dict[str, Any]) -> None:
    quality = np.array(case["quality_in"], dtype=np.int16)
    flags, marks = group_min(np.array(case["counts"], float), quality, case["min"])
    assert flags.tolist() == case["grouping"] and marks.tolist() == case["quality_out"], f"{flags} {marks}"


def _group_snr(case: dict[str, Any]) -> None:
    source, below = (np.array(case[name], float) for name in ("src", "bkg"))
    net, variance = net_and_variance(source, source, below, below, case["scale"])
    flags, marks = group_snr(net, variance, np.zeros(net.size, dtype=np.int16), case["sn"])
    assert flags.tolist() == case["grouping"] and marks.tolist() == case["quality"], f"{flags} {marks}"


def _optimal(case: dict[str, Any]) -> None:
    counts = np.array(case["counts"], float)
    fwhm = np.broadcast_to(np.array(case["fwhm_channels"], float), counts.shape)
    assert optimal_widths(counts, fwhm).tolist() == case["bin_size"], "widths differ"
    flags, _ = group_optimal(counts, fwhm, np.zeros(counts.size, dtype=np.int16))
    assert flags.tolist() == case["grouping"], f"{flags}"


def _curve(case: dict[str, Any]) -> None:
    times = [
        np.linspace(case["t0"] + case["dt"] * number, case["t0"] + case["dt"] * (number + 1), 1000, endpoint=False)
        for number in range(len(case["counts"]))
    ]
    gti = np.array(case["gti"], float)
    inside = [part[((part[:, None] >= gti[:, 0]) & (part[:, None] < gti[:, 1])).any(axis=1)] for part in times]
    events = [part[:count] for part, count in zip(inside, case["counts"], strict=True)]
    curve = light_curve(np.concatenate(events), gti, case["dt"], case["t0"])
    assert curve.counts.tolist() == case["counts"], f"{curve.counts}"
    for name in ("fracexp", "rate", "error"):
        assert np.allclose(getattr(curve, name), case[name], rtol=1e-12, atol=0), f"{name} differs"
    kept = np.flatnonzero(np.isin(curve.time, curve.above(0.5).time))
    assert kept.tolist() == case["kept_with_fracexp_gt_0.5"], f"{kept}"
