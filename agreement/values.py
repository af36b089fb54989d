"""Numbers that real observations must give."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from agreement.check import Check, Data, Family, agreeing, run_task
from agreement.extractor import LISTS, screened
from xbatch.ogip.curvefile import read_curve
from xbatch.ogip.eventheader import SkyWcs
from xbatch.ogip.gtifile import read_gti_tables
from xbatch.ogip.pha import read_pha
from xbatch.ogip.regions import read_regions
from xbatch.ogip.skyplane import event_plane
from xbatch.tasks.flare import good_times, rate_cut
from xbatch.xray.gti import total
from xbatch.xray.region_masks import Field, mask, pixels_inside
from xbatch.xray.regions import Circle

__all__ = ["checks"]

_FIELD = Field(1, 1000, 1, 1000)
_IMAGES = {
    ("mos1", "0.50-2.00"): (500, 2000, 14035),
    ("mos1", "2.00-10.00"): (2000, 10000, 11357),
    ("mos2", "0.50-2.00"): (500, 2000, 14777),
    ("mos2", "2.00-10.00"): (2000, 10000, 11522),
}
_PIXELS = {"A01_sr": 3464, "A01_bk": 2029, "B01_sr": 3469, "B01_bk": 2029}
_GROUPS = {"PN_spectrum_grp20": ("PN", 114, 2980), "MOS1_spectrum_grp": ("MOS1", 110, 1976)}
_GROUPS |= {"MOS2_spectrum_grp": ("MOS2", 109, 1976)}
_FAMILIES = {
    "V1": Family(
        "V1: images of A 907, MOS1 and MOS2",
        "evselect, SAS",
        "counts of every pixel",
        "tasks `events` and `image`",
        "exact",
    ),
    "V2": Family(
        "V2: regions in fk5 to sky pixels, the Sun",
        "nuproducts (REG00101)",
        "centre and radius",
        "`xbatch.ogip.regions`",
        "1e-9 pixel",
    ),
    "V3": Family(
        "V3: pixels inside a region, the Sun and Vela X-1",
        "nuproducts (WMAP)",
        "which pixels are inside, how many",
        "`xbatch.xray.region_masks`",
        "exact",
    ),
    "V4": Family(
        "V4: GTIs of a rate curve, Coma",
        "tabgtigen, SAS",
        "START and STOP of every interval",
        "the functions of task `flare`",
        "exact",
    ),
    "V5": Family(
        "V5: sums of GTIs, PSR B1937+21 and Vela X-1",
        "ONTIME of the files",
        "seconds",
        "task `events`; task `spectrum`",
        "1e-3 s",
    ),
    "V6": Family(
        "V6: groups of NGC 7793 ULX-4",
        "specgroup, SAS",
        "number of groups, least counts, channels of quality 0",
        "tasks `spectrum` and `group`, type `file`",
        "exact",
    ),
    "V7": Family(
        "V7: rates of EXOSAT ME", "XSPEC 12.9.1", "rate and its error", "task `spectrum`", "last digit printed"
    ),
    "V8": Family(
        "V8: fits of EXOSAT ME",
        "XSPEC 12.9.1 (manual)",
        "parameters, chi-squared, flux",
        "tasks `spectrum`, `group` and `fit`",
        "1 % of the errors; chi-squared 0.01; flux 5e-4",
    ),
}


def checks(data: Data) -> Iterator[Check]:
    """Compare every number."""
    for name, compare, cases in (
        ("V1", _image, [f"{camera} {band} keV" for camera, band in _IMAGES]),
        ("V2", _region, ["FPMA", "FPMB"]),
        ("V3", _pixels, ["FPMA", "FPMB", *_PIXELS]),
        ("V4", _rate_gti, ["PN_rate"]),
        ("V5", _ontime, ["30101031002", "90402339002"]),
        ("V6", _groups, list(_GROUPS)),
        ("V7", _rates, ["all channels", "good channels"]),
        ("V8", _fit, ["free", "nH 4"]),
    ):
        for case in cases:
            found: list[str] = []
            with agreeing(found):
                compare(data, case)
            yield Check(_FAMILIES[name], case, "; ".join(found))


_Compare = Callable[[Data, str], None]


def _image(data: Data, case: str) -> None:
    camera, band, _ = case.split()
    first, last, counts = _IMAGES[camera, band]
    file, mission, instrument = LISTS[f"{camera}_exp1_clean_evts.fits"]
    job = {"mission": mission, "instrument": instrument, "obsid": "", "name": ""}
    params = {
        **job,
        "bands": [{"name": "v", "lo": first / 1000, "hi": (last + 1) / 1000}],
        "bin": 87,
        "origin": [3649, 3649],
        "size": [512, 512],
        "figure": False,
    }
    out, _ = run_task(data, "image", params, {"events": screened(data, data.root / file, job)})
    ours = fits.getdata(out / "v.img")
    theirs = fits.getdata(data.real / f"xmm/0201903501/images/0201903501_{camera}_exp1-{band}keVimg.fits.gz")
    assert np.array_equal(ours, theirs) and ours.sum() == counts, "pixels differ"


def _sun(data: Data, module: str) -> tuple[Any, Any, Any, tuple[float, float, float]]:
    """Give the region of a solar spectrum as read here, the spectrum's WMAP and its region as nuproducts wrote it."""
    folder = data.real / "nustar" / "80415201001"
    with fits.open(folder / "spec" / f"nu80415201001{module}06_chu2_S_cl_grade0_sr.pha") as hdus:
        table, image, head = hdus["REG00101"], np.array(hdus[0].data), hdus[0].header
        crpix, crval, cdelt = (
            (float(table.header[f"{card}1"]), float(table.header[f"{card}2"])) for card in ("TCRPX", "TCRVL", "TCDLT")
        )
        x, y, radius = (float(np.ravel(table.data.field(name))[0]) for name in ("X", "Y", "R"))
    plane = event_plane(SkyWcs(crpix, crval, cdelt), "x")
    regions = read_regions(folder / "event_cl" / f"fpm{module.lower()}.reg", plane)
    return regions.shapes, image, head, (x, y, radius)


def _region(data: Data, case: str) -> None:
    (circle,), _, _, written = _sun(data, case[-1])
    found = (circle.x, circle.y, circle.radius)
    assert all(abs(one - other) <= 1e-9 for one, other in zip(found, written, strict=True)), f"{found}"


def _pixels(data: Data, case: str) -> None:
    if case in _PIXELS:
        with fits.open(data.real / "nustar" / "90402339002" / f"nu90402339002{case}.pha") as hdus:
            table = hdus["REG00101"].data
            x, y, radius = (float(np.ravel(table.field(column)[0])[0]) for column in ("X", "Y", "R"))
            there = np.count_nonzero(np.asarray(hdus[0].data) >= 0)
        assert pixels_inside([Circle(x, y, radius)], _FIELD) == there == _PIXELS[case], "pixels differ"
        return
    shapes, image, head, _ = _sun(data, case[-1])
    left, low = -int(head["LTV1"]), -int(head["LTV2"])
    part = mask(shapes, _FIELD)[low : low + image.shape[0], left : left + image.shape[1]]
    assert np.array_equal(part, image >= 0), "pixels differ"
    assert pixels_inside(shapes, _FIELD) == {"FPMA": 4246, "FPMB": 4237}[case], "their number differs"


def _rate_gti(data: Data, _: str) -> None:
    curve = read_curve(data.real / "xmm/0124710801/PN_rate.fits")
    cut = rate_cut({"rate": ["<=", 0.5]}, curve.rate, curve.fracexp, curve.path)
    gti, _kept = good_times(curve.time, curve.rate, curve.width, cut.test, cut.limit)
    with fits.open(data.real / "xmm/0124710801/PN_gti.fits") as file:
        theirs = np.column_stack([file["STDGTI"].data["START"], file["STDGTI"].data["STOP"]])
    assert np.array_equal(gti, theirs), "intervals differ"
    assert abs(total(gti) - 21700.0) < 1e-6, "their sum differs"


def _ontime(data: Data, case: str) -> None:
    if case == "30101031002":
        path = data.real / "nustar/30101031002/nu30101031002A01_cl.evt"
        out, outcome = run_task(data, "events", {"mission": "nustar", "instrument": "FPMA"}, {"events": path})
        assert abs(outcome.facts["ontime"] - 41072.5755) < 1e-3, f"{outcome.facts['ontime']} s"
        return
    path = data.real / "nustar/90402339002/nu90402339002A01_sr.pha"
    out, _ = run_task(data, "spectrum", {"mission": "nustar"}, {"pha": path})
    (found,) = read_gti_tables(out / "spectrum.pha")
    assert abs(total(found.gti) - 42714.630) < 1e-3, f"{total(found.gti)} s"


def _groups(data: Data, case: str) -> None:
    folder = data.real / "xmm" / "0693760101"
    name, groups, good = _GROUPS[case]
    inputs = {"pha": folder / f"{case}.fits", "rmf": folder / f"{name}.rmf.gz", "arf": folder / f"{name}.arf"}
    out, outcome = run_task(data, "spectrum", {"mission": "xmm"}, inputs)
    params = {"binning": {"type": "file"}, "name": "v", "obsid": "", "instrument": "", "spectrum": "s"}
    grouped, _ = run_task(data, "group", params, {"spectrum": out / "spectrum.pha"})
    facts = json.loads((grouped / "grouping.json").read_text())
    assert facts["good_groups"] == groups, f"{facts['good_groups']} groups"
    assert facts["min_counts"] >= 20, f"a group has {facts['min_counts']} counts"
    assert outcome.facts["good_channels"] == good, f"{outcome.facts['good_channels']} good channels"


def _exosat(data: Data) -> tuple[Path, dict[str, Any]]:
    inputs = {"pha": data.real / "exosat/s54405.pha", "rmf": data.real / "exosat/s54405.rsp"}
    out, outcome = run_task(data, "spectrum", {"mission": "other"}, inputs)
    return out, dict(outcome.facts)


def _rates(data: Data, case: str) -> None:
    _, facts = _exosat(data)
    if case == "all channels":
        found = f"{facts['rate']:.3e} +/- {facts['rate_error']:.3e}"
        assert found == "3.783e+00 +/- 1.367e-01", found
    else:
        found = f"{facts['good_rate']:.4f} +/- {facts['good_rate_error']:.4f}"
        assert found == "3.7589 +/- 0.1315", found


def _fit(data: Data, case: str) -> None:
    spectrum, _ = _exosat(data)
    own = {"obsid": "s54405", "instrument": "ME", "spectrum": "me"}
    params = {"binning": {"type": "file"}, "name": "v", **own}
    grouped, _ = run_task(data, "group", params, {"spectrum": spectrum / "spectrum.pha"})
    assert read_pha(grouped / "grouped.pha").channel.size == 125, "the channels differ"
    inputs = {"grouped/0": grouped / "grouped.pha", "response/0": spectrum / "response.npz"}
    out, _ = run_task(data, "fit", _fit_params(own, case == "nH 4"), inputs)
    fit = json.loads((out / "fit.json").read_text())
    values = {one["name"]: one for one in fit["parameters"]}
    if case == "nH 4":
        assert abs(fit["stat_value"] - 136.04) < 0.01, f"chi-squared {fit['stat_value']}"
        assert abs(values["pl.PhoIndex"]["value"] - 3.59784) < 1e-3, f"index {values['pl.PhoIndex']['value']}"
        return
    assert (fit["bins"], fit["dof"]) == (45, 42), f"{fit['bins']} bins"
    assert abs(fit["stat_value"] - 43.80) < 0.01, f"chi-squared {fit['stat_value']}"
    printed = {"gal.nH": (0.537846, 0.270409), "pl.PhoIndex": (2.23646, 0.126458), "pl.norm": (1.30320e-2, 2.5617e-3)}
    for name, (value, error) in printed.items():
        assert abs(values[name]["value"] - value) < 0.01 * error, f"{name} {values[name]['value']}"
        assert abs(values[name]["error_plus"] - error) < 0.02 * error, f"error of {name}"
    assert abs(fit["flux"][0]["energy_flux"] / 2.2321e-11 - 1) < 5e-4, "the flux differs"


def _fit_params(own: dict[str, str], frozen: bool) -> dict[str, Any]:
    limits = {"gal.nH": (0.0, 1e6), "pl.PhoIndex": (-3.0, 10.0), "pl.norm": (0.0, 1e24)}
    start = {"gal.nH": 4.0 if frozen else 1.0, "pl.PhoIndex": 1.0, "pl.norm": 1.0}
    return {
        "name": "v",
        "group": "",
        "datasets": [
            {**own, "mission": "other", "binning": "v", "edge": "inside", "note": ""}
            | {"band": {"name": "0-15 keV", "lo": 0.0, "hi": 15.0}}
        ],
        "model": {"op": "*", "args": [{"component": "gal"}, {"component": "pl"}]},
        "model_text": "phabs.gal * powerlaw.pl",
        "components": {"gal": "phabs", "pl": "powerlaw"},
        "parameters": [
            {
                "name": name,
                "component": name.split(".")[0],
                "parameter": name.split(".")[1],
                "datasets": [0],
                "value": start[name],
                "min": low,
                "max": high,
                "unit": "",
                "frozen": frozen and name == "gal.nH",
                "link": "",
            }
            for name, (low, high) in limits.items()
        ],
        "background": "none",
        "statistic": "chi2",
        "variance": "file",
        "abundances": "angr",
        "cross_sections": "bcmc",
        "optimiser": "levmar",
        "errors": {"parameters": ["free"], "method": "covariance", "confidence": 0.6826894921370859},
        "flux": [{"bands": [{"name": "2-10 keV", "lo": 2.0, "hi": 10.0}], "absorbed": True}],
    }
