"""Small work at event lists for the tests of plans: lists that are headers alone, and what is asked of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.plan.worlds import header_block
from xbatch.base.errors import Place
from xbatch.spec.derivedmodel import BandSet
from xbatch.spec.eventmodel import EventSpectrum, EventWork, ImageJob, LightCurveJob, Observed, Region, Screening
from xbatch.spec.model import Analysis, Band, Binning, FitJob, Member, Spec, Subject

OBSID = "90402339002"
FULL = BandSet((Band("3-79 keV", 3.0, 79.0),))
SKY = {"shape": "circle", "frame": "fk5", "center": [1.0, 2.0], "sizes": [30.0], "include": True}


def write_events(path: Path, **cards: Any) -> Path:
    """Write a list of no events: enough for finding it and reading its header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, Any] = {}
    for number, name in enumerate(("TIME", "X", "Y"), 1):
        columns |= {f"TTYPE{number}": name, f"TFORM{number}": "D"}
    table = {"XTENSION": "BINTABLE", "BITPIX": 8, "NAXIS": 2, "NAXIS1": 24, "NAXIS2": 0, "PCOUNT": 0, "GCOUNT": 1}
    primary = {"SIMPLE": True, "BITPIX": 8, "NAXIS": 0}
    extension = {**table, "TFIELDS": 3, "EXTNAME": "EVENTS", **columns, **cards}
    path.write_bytes(header_block(primary) + header_block(extension))
    return path


def nustar_list(root: Path, instrument: str = "FPMA", obsid: str = OBSID, **cards: Any) -> Path:
    module = instrument[-1]
    return write_events(root / obsid / "event_cl" / f"nu{obsid}{module}01_cl.evt", INSTRUME=instrument, **cards)


def observed(root: Path, instrument: str = "FPMA", obsid: str = OBSID, **changes: Any) -> Observed:
    values: dict[str, Any] = {
        "mission": "nustar",
        "obsid": obsid,
        "instrument": instrument,
        "root": root,
        "screenings": {"default": Screening("default", {"grade": [0, 26]}, path="screening.default")},
        "regions": {
            name: Region(name, {"shapes": [SKY], "combine": None}, path=f"regions.{name}") for name in ("src", "bkg")
        },
        "path": "obsids",
    }
    return Observed(**{**values, **changes})


def spectrum(instrument: str = "FPMA", obsid: str = OBSID, name: str = "agn", **changes: Any) -> EventSpectrum:
    subject = Subject("nustar", obsid, instrument, name, gti=changes.get("gti", ""))
    values: dict[str, Any] = {"subject": subject, "region": "src", "background": "bkg", "path": f"spectra.{name}"}
    return EventSpectrum(**{**values, **changes})


def image(one: Observed, name: str = "full", **changes: Any) -> ImageJob:
    values: dict[str, Any] = {"params": {"frame": "sky", "bin": 1}, "bands": (FULL,), "path": f"images.{name}"}
    return ImageJob(name, one.subject, **{**values, **changes})


def curve(one: Observed, name: str = "energy", **changes: Any) -> LightCurveJob:
    values: dict[str, Any] = {
        "region": "src",
        "background": "bkg",
        "bands": (FULL,),
        "params": {"dt": 128.0, "corrections": ["gti", "livetime"]},
        "path": f"lightcurves.{name}",
    }
    return LightCurveJob(name, one.subject, **{**values, **changes})


def event_spec(work: EventWork, fits: tuple[FitJob, ...] = (), **changes: Any) -> Spec:
    spec = Spec(
        name="e",
        level="events",
        spectra=(),
        binnings={"min30": Binning("min30", {"type": "min", "counts": 30.0}, "binning.min30")},
        bands={},
        fits=fits,
        work=work,
    )
    return replace(spec, **changes)


def event_analysis(*specs: Spec) -> Analysis:
    return Analysis(
        path=Path("e.yaml"),
        files={"e.yaml": b""},
        overrides=(),
        name="e",
        members=tuple(Member("" if len(specs) == 1 else f"n={n}", {"n": n}, spec) for n, spec in enumerate(specs)),
        document={},
        origins={},
        places={"data.root": Place("e.yaml", 4, 3), "regions.src": Place("e.yaml", 9, 3)},
    )
