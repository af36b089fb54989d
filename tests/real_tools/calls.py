"""Each call that a recipe can build, with all its parameters at least once, by the function that builds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.tools.test_grouping import BINNINGS
from xbatch.commands import detect, epic, ftools, nuproducts, nustar, rgs, sourceposition, specgroup
from xbatch.commands.call import Call
from xbatch.commands.epiccurves import EpicCurves
from xbatch.commands.espfilt import espfilt
from xbatch.commands.grouping import grouping_calls
from xbatch.commands.nuproducts import Area, Barycentre, Curves
from xbatch.commands.nustar import Module

__all__ = ["heasoft_calls", "sas_calls"]

Built = Mapping[Callable[..., Any], Sequence[Call]]
_MODULE = Module("60001110002", "FPMA", "clean")
_SCREENING = {
    "saamode": "optimized",
    "tentacle": True,
    "saacalc": 3,
    "statusexpr": "STATUS==b0",
    "gradeexpr": "GRADE==0",
    "cleanflick": True,
    "hkevtexpr": "NONE",
}
_FLARE = {
    "estimator": "histogram",
    "band": [2500, 8500],
    "bin": 60.0,
    "sigma": 3.0,
    "range_scale": 15.0,
    "smooth": 51,
    "ratio": 1.2,
}
_BAND = {"name": "b1", "lo": 500, "hi": 1000, "pattern": [0, 4], "ecf": 8.1}
_REGION = "((X,Y) IN CIRCLE(25921,25921,1000))"


def heasoft_calls() -> Built:
    """Give the calls of HEASoft's tools."""
    area, barycentre = Area("src.reg", "bgd.reg", "t.gti"), Barycentre((1.0, -2.0), "o.attorb")
    whole = Area("src.reg", "")
    curves = [
        Curves(_MODULE, area, 0.5, effective_area=False, extended=True, barycentre=barycentre).call("o", (3, 10)),
        Curves(_MODULE, whole, 256.0).call("o", (3, 79), spectra=False),
    ]
    pipelines = [
        nustar.nupipeline("60001110002", "out"),
        nustar.nupipeline(
            "60001110002",
            "out",
            instrument="ALL",
            stages=(1, 2),
            pointing=(187.0, 2.0),
            obsmode="SCIENCE_SC",
            screening=_SCREENING,
            split=True,
            clobber=True,
        ),
        *(nustar.nupipeline("60001110002", "out", pointing=name) for name in ("OBJECT", "POINT")),
    ]
    spectra = [
        nuproducts.spectrum_call(_MODULE, "o", area, extended=True, barycentre=barycentre),
        nuproducts.spectrum_call(_MODULE, "o", whole, arf=False, rmf=False),
        nuproducts.spectrum_call(replace(_MODULE, chu="12"), "o", whole),
    ]
    grouped = [call for binning, _ in BINNINGS for call in _grouping(binning)]
    corrected = {"ephemeris": "JPLEPH.430", "frame": "ICRS"}
    return {
        nustar.nupipeline: pipelines,
        nuproducts.spectrum_call: spectra,
        nuproducts.nuproducts: curves,
        nustar.nusplitsc: [nustar.nusplitsc("a.evt", "u.fits", "a.hk", "split")],
        nustar.nuexpomap: [
            nustar.nuexpomap(_MODULE, "e.img"),
            nustar.nuexpomap(_MODULE, "e.img", vignetting=True, energy=10.0),
        ],
        nustar.nubackscale: [
            nustar.nubackscale(_MODULE, "a", "b", "c", "d"),
            nustar.nubackscale(_MODULE, "a", "b", "c", "d", exposure_map="e.img"),
        ],
        ftools.ftgrouppha: [call for call in grouped if call.tool == "ftgrouppha"],
        ftools.grppha: [call for call in grouped if call.tool == "grppha"],
        ftools.addspec: [ftools.addspec("l.txt", "sum"), ftools.addspec("l.txt", "sum", responses=False)],
        ftools.lcmath: [
            *(ftools.lcmath("a.lc", "b.lc", "c.lc", 0.5, add=add) for add in (False, True)),
            ftools.lcmath("a.lc", "b.lc", "c.lc", 0.5, correct=False, errors=4),
        ],
        ftools.extractor_image: [
            ftools.extractor_image("a.evt", "i.img"),
            ftools.extractor_image("a.evt", "i.img", channels=(35, 1909), region="r.reg", times="t.gti", binning=4),
            ftools.extractor_image("a.evt", "i.img", columns=("DET1X", "DET1Y")),
        ],
        ftools.barycorr: [ftools.barycorr("a.evt", "b.evt", "a.attorb", (1.0, -2.0), **corrected)],
    }


def _grouping(binning: Mapping[str, Any]) -> Iterable[Call]:
    ranged = (5, 30) if "range" in binning else None
    files = ["groups.txt"] if binning["type"] == "nutools" else []
    return grouping_calls(
        binning, background=binning["type"] in {"bmin", "snmin", "optsnmin"}, channels=ranged, files=files
    )


def sas_calls(version: str) -> Built:
    """Give the calls of SAS's tasks, as they are for a version of SAS."""
    cameras = [detect.CameraBands.of(camera, [_BAND]) for camera in epic.CAMERAS]
    curves = [
        EpicCurves(_REGION, _REGION, 100.0, True, True, sourceposition.at((213.3, -3.2))),
        EpicCurves(_REGION, "", 100.0, False),
    ]
    binnings: list[dict[str, Any]] = [{"counts": 25.0}, {"snr": 6.0, "oversample": 3}]
    made = [call for one in curves for call in one.calls("band", (2000, 9999))]
    return {
        epic.cifbuild: [epic.cifbuild("2026-01-01"), epic.cifbuild("2015-07-08T00:10:00")],
        epic.odfingest: [epic.odfingest()],
        epic.epproc: [epic.epproc(), epic.epproc(out_of_time=True, folder="oot")],
        epic.emproc: [epic.emproc(camera) for camera in ("EMOS1", "EMOS2")],
        epic.epchain: [
            epic.epchain(mode, exposure, out_of_time, version)
            for mode in ("imaging", "timing")
            for exposure in (None, 2)
            for out_of_time in ("", "make", "after")
        ],
        epic.emchain: [epic.emchain(camera) for camera in ("EMOS1", "EMOS2")],
        epic.merge: [epic.merge("a.fits", "b.fits", "c.fits")],
        epic.barycen: [epic.barycen("a.fits"), epic.barycen("a.fits", (213.3, -3.2))],
        epic.evselect_rate: [epic.evselect_rate("a.fits", "r.fits", "(PATTERN<=4)", 100.0), *made[:1]],
        epic.tabgtigen: [epic.tabgtigen("r.fits", "t.gti", test, 0.4) for test in ("<", "<=")],
        epic.evselect_filter: [epic.evselect_filter("a.fits", "b.fits", "gti(t.gti,TIME)")],
        espfilt: [
            espfilt("a.fits", {**_FLARE, "estimator": estimator}, version, oot)
            for estimator in ("histogram", "ratio")
            for oot in ("", "oot.fits")
        ],
        epic.evselect_image: [
            epic.evselect_image("a.fits", "i.img", "(PATTERN<=4)"),
            epic.evselect_image("a.fits", "i.img", "(PATTERN<=4)", binsize=80, columns=("DETX", "DETY")),
        ],
        epic.evselect_spectrum: [epic.evselect_spectrum("a.fits", "s.pha", _REGION, one) for one in epic.CAMERAS],
        epic.backscale: [epic.backscale("s.pha", "a.fits")],
        epic.rmfgen: [epic.rmfgen("s.pha", "s.rmf")],
        epic.arfgen: [
            epic.arfgen("s.pha", "s.arf", "s.rmf", "a.fits", kind, at)
            for kind, at in (("point", ()), ("extended", ()), ("point", sourceposition.at((213.3, -3.2))))
        ],
        epic.epatplot: [epic.epatplot("a.fits", "p", (2000, 10000), version)],
        EpicCurves.calls: made,
        rgs.rgsproc: [rgs.rgsproc(), rgs.rgsproc(combined=True)],
        rgs.rgsproc_first: [rgs.rgsproc_first()],
        rgs.rgsproc_again: [rgs.rgsproc_again(["a.gti", "b.gti"])],
        rgs.of_exposures: [rgs.of_exposures(rgs.rgsproc_again(["a.gti"]), ["R1S004", "R2S005"])],
        rgs.background_rates: [rgs.background_rates("RGS1", "a.fits", "s.fits", "r.lc", 9, 100.0)],
        rgs.rgscombine: [rgs.rgscombine([("RGS1", 1), ("RGS2", 1)])],
        detect.image_calls: detect.image_calls(cameras[0], 600),
        detect.atthkgen: [detect.atthkgen()],
        detect.edetect_chain: [
            detect.edetect_chain(cameras[:1], likelihood=10, splines=16),
            detect.edetect_chain(cameras, likelihood=10, splines=16, exposure_maps=False, sensitivity=10.0),
        ],
        detect.emosaic: [detect.emosaic(["a.img", "b.img"])],
        specgroup.specgroup: [
            specgroup.specgroup(binning, background=more, response=more, bad=[(0, 59), (2000, 4095)] if more else [])
            for binning, more in zip(binnings, (False, True), strict=True)
        ],
    }
