"""Sums, products and rebinning of responses and spectra as the FTOOLS make them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from agreement.check import Check, Data, Family, agreeing, run_task
from xbatch.ogip.pha import Spectrum, read_pha, write_pha
from xbatch.ogip.response import Response, load_response, read_response, save_response
from xbatch.xray.responses import (
    bin_starts,
    multiply,
    rebin_channels,
    rebin_energies,
    sum_areas,
    sum_matrices,
)
from xbatch.xray.spectra_sum import linear_sum, rebin_counts

__all__ = ["checks"]

_TOOLS = "addarf, addrmf, marfrmf, rbnrmf, HEASoft 6.20"
RESPONSES = Family(
    "Responses: sums, products, rebinning",
    _TOOLS,
    "every element of matrices and areas",
    "`xbatch.xray.responses`; sums that are means also through task `combine`",
    "matrices 3e-6 of the peak, areas 1e-6",
)
SPECTRA = Family(
    "Spectra: sums, differences, rebinning",
    "mathpha, addspec, rbnpha, HEASoft 6.20",
    "counts or rates, errors, EXPOSURE",
    "task `combine` (addspec, and mathpha's sum of counts); `xbatch.xray.spectra_sum`",
    "counts exact; rates, errors 1e-6",
)
_QUIRKS = {
    "addrmf-2": "addrmf drops elements of the sum below its threshold, 1e-6. Here nothing is dropped.",
    "addrmf-2-equal": "As addrmf-2.",
    "addspec-counts": (
        "addspec scales each background to its spectrum and rounds the sum to whole counts, which are no counts of "
        "photons any more. Here backgrounds are added as they were counted, with one BACKSCAL that leaves their "
        "scaled total the same: within 1 count of the tool's in every channel."
    ),
}


def checks(data: Data) -> Iterator[Check]:
    """Compare every case, whichever tool made it."""
    for path in sorted((data.reference / "responses").glob("*.json")):
        case = path.stem
        tool = json.loads(path.read_text())["tool"]
        compare, family = _TOOL[tool]
        found: list[str] = []
        with agreeing(found):
            compare(data, case)
        yield Check(family, case, "; ".join(found), _QUIRKS.get(case, ""))


def _files(data: Data, case: str) -> tuple[Path, dict[str, Any]]:
    folder = data.reference / "responses"
    return folder, json.loads((folder / f"{case}.json").read_text())["parameters"]


def _named(data: Data, name: str) -> Path:
    """Find an input by the name it had: PN's lies with its observation."""
    if name.startswith("PN"):
        found = data.real / "xmm" / "0693760101" / name
        return found if found.exists() else found.with_name(f"{name}.gz")
    return data.reference / "responses" / "in" / f"{name}.gz"


def _sparse(response: Response) -> csr_matrix:
    shape = (response.energ_lo.size, response.channel.size)
    return csr_matrix((response.matrix.astype(float), response.indices, response.indptr), shape=shape)


def _same_matrix(ours: csr_matrix, theirs: Response, dropped: float = 0.0) -> None:
    expected, found = _sparse(theirs).toarray(), ours.toarray()
    assert found.shape == expected.shape, "the shape differs"
    missing = (expected == 0) & (found > 0)
    assert np.all(found[missing] <= dropped), "elements are missing"
    assert np.abs(found - expected)[~missing].max() <= 3e-6 * expected.max(), "elements differ"


def _listed(text: str) -> list[str]:
    return [word.strip() for word in text.replace(",", " ").split()]


def _addarf(data: Data, case: str) -> None:
    folder, params = _files(data, case)
    names, weights = _weighted(params)
    rmf = _named(data, "PN.rmf") if names[0].startswith("PN") else _named(data, "r1.rmf")
    areas = [read_response(rmf, _named(data, name)).specresp for name in names]
    expected = read_response(rmf, folder / f"{case}.arf.gz").specresp
    assert np.allclose(sum_areas(areas, weights), expected, rtol=1e-6, atol=0), "areas differ"
    if abs(sum(weights) - 1) < 1e-9:
        whole = read_response(rmf, None)
        mean = _combined(data, [_with_area(whole, area) for area in areas], weights)
        assert np.allclose(mean.specresp, expected, rtol=1e-6, atol=0), "areas of task combine differ"


def _weighted(params: dict[str, Any]) -> tuple[list[str], list[float]]:
    return _listed(params["list"]), [float(word) for word in _listed(str(params["weights"]))]


def _with_area(response: Response, area: NDArray[np.float64]) -> Response:
    return replace(response, specresp=area, has_arf=True)


def _addrmf(data: Data, case: str) -> None:
    folder, params = _files(data, case)
    names, weights = _weighted(params)
    parts = [read_response(_named(data, name), None) for name in names]
    expected = read_response(folder / f"{case}.rmf.gz", None)
    _same_matrix(sum_matrices([_sparse(part) for part in parts], weights), expected, dropped=1e-6)
    _same_matrix(_sparse(_combined(data, parts, weights)), expected, dropped=1e-6)


def _combined(data: Data, responses: list[Response], weights: list[float]) -> Response:
    """Give the response that task `combine` makes of responses, for exposures that stand as the weights."""
    source = read_pha(_named(data, "s1.pha"))
    size = responses[0].channel.size
    plain = replace(
        source,
        channel=responses[0].channel,
        counts=np.ones(size),
        sys_err=np.zeros(size),
        quality=np.zeros(size, np.int16),
        grouping=np.ones(size, np.int16),
        backscal=np.ones(size),
        areascal=np.ones(size),
        detchans=size,
        first_channel=int(responses[0].channel[0]),
    )
    out = _combine(data, [replace(plain, exposure=1000 * weight) for weight in weights], [], responses)
    return load_response(out / "response.npz")


def _combine(
    data: Data, sources: list[Spectrum], backgrounds: list[Spectrum], responses: list[Response] | None = None
) -> Path:
    folder = data.folder()
    inputs: dict[str, Path] = {}
    for kind, parts in (("spectrum", sources), ("background", backgrounds)):
        for number, part in enumerate(parts):
            inputs[f"{kind}/{number}"] = folder / f"{kind}{number}.pha"
            write_pha(inputs[f"{kind}/{number}"], part)
    for number, response in enumerate(responses or []):
        inputs[f"response/{number}"] = folder / f"{number}.npz"
        save_response(inputs[f"response/{number}"], response)
    params = {
        "obsid": "sum",
        "instrument": "X",
        "mission": "other",
        "spectrum": "s",
        "members": [str(number) for number in range(len(sources))],
        "response": "exposure-weighted",
        "background": "keep",
        "on_missing": "error",
        "rate_sigma": None,
        "detectors_differ": False,
        "min_exposure": 0.0,
    }
    return run_task(data, "combine", params, inputs)[0]


def _marfrmf(data: Data, case: str) -> None:
    folder, params = _files(data, case)
    response = read_response(_named(data, params["rmfil"]), _named(data, params["arfil"]))
    _same_matrix(multiply(_sparse(response), response.specresp), read_response(folder / f"{case}.rsp.gz", None))


def _rbnrmf(data: Data, case: str) -> None:
    folder, _ = _files(data, case)
    expected = read_response(folder / f"{case}.rmf.gz", None)
    name = "r1.rmf" if case == "rbnrmf-25" else "r2.rmf"
    response = read_response(_named(data, name), None)
    channels = bin_starts(response.channel.size, response.channel.size // expected.channel.size)
    energies = bin_starts(response.energ_lo.size, response.energ_lo.size // expected.energ_lo.size)
    _same_matrix(rebin_energies(rebin_channels(_sparse(response), channels), energies), expected, dropped=1e-6)


def _rbnpha(data: Data, case: str) -> None:
    folder, _ = _files(data, case)
    source = read_pha(_named(data, "s1.pha" if case == "rbnpha-25" else "b1.pha"))
    with fits.open(folder / f"{case}.pha.gz") as hdus:
        theirs, header = np.array(hdus["SPECTRUM"].data["COUNTS"]), hdus["SPECTRUM"].header
    found = rebin_counts(source.counts, bin_starts(source.counts.size, source.counts.size // theirs.size))
    assert np.array_equal(found, theirs), "counts differ"
    assert source.exposure == header["EXPOSURE"], "EXPOSURE differs"


def _mathpha(data: Data, case: str) -> None:
    folder, _ = _files(data, case)
    names = ("s1", "b1") if "diff" in case else ("s1", "s2")
    parts = [read_pha(_named(data, f"{name}.pha")) for name in names]
    with fits.open(folder / f"{case}.pha.gz") as hdus:
        table, header = hdus["SPECTRUM"].data, hdus["SPECTRUM"].header
        if case == "mathpha-sum-counts":
            total = read_pha(_combine(data, parts, []) / "spectrum.pha")
            assert np.array_equal(total.counts, table["COUNTS"]), "counts differ"
            assert total.exposure == header["EXPOSURE"], "EXPOSURE differs"
            assert total.poisson and np.all(total.backscal == header["BACKSCAL"]), "BACKSCAL differs"
            return
        rates = case == "mathpha-sum-rate"
        factors = [1 / part.exposure for part in parts] if rates else [1.0, -1.0]
        counts, error = linear_sum([p.counts for p in parts], [p.counts for p in parts], factors)
        name = "RATE" if rates else "COUNTS"
        close = np.allclose(counts, table[name], rtol=1e-6, atol=0)
        assert close if rates else np.array_equal(counts, table[name]), f"{name} differs"
        assert np.allclose(error, table["STAT_ERR"], rtol=1e-6, atol=0), "STAT_ERR differs"


def _addspec(data: Data, case: str) -> None:
    folder, _ = _files(data, case)
    sources, backgrounds = ([read_pha(_named(data, f"{one}{n}.pha")) for n in (1, 2)] for one in "qb")
    out = _combine(data, sources, backgrounds)
    total, below = read_pha(out / "spectrum.pha"), read_pha(out / "background.pha")
    theirs, scaled = (read_pha(folder / f"{case}.{kind}.gz") for kind in ("pha", "bak"))
    assert np.array_equal(total.counts, theirs.counts), "counts differ"
    assert total.exposure == theirs.exposure and total.poisson and below.poisson, "EXPOSURE differs"
    ours = below.counts * total.backscal * total.exposure / (below.backscal * below.exposure)
    assert np.all(np.abs(ours - scaled.counts) <= 1), "the background differs"


_TOOL: dict[str, tuple[Callable[[Data, str], None], Family]] = {
    "addarf": (_addarf, RESPONSES),
    "addrmf": (_addrmf, RESPONSES),
    "marfrmf": (_marfrmf, RESPONSES),
    "rbnrmf": (_rbnrmf, RESPONSES),
    "rbnpha": (_rbnpha, SPECTRA),
    "mathpha": (_mathpha, SPECTRA),
    "addspec": (_addspec, SPECTRA),
}
