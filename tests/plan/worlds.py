"""Small analyses and FITS headers for the tests of plans, made without YAML and without data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xbatch.base.errors import Place
from xbatch.spec.model import (
    Analysis,
    Band,
    Binning,
    Dataset,
    FitJob,
    Member,
    Parameter,
    Spec,
    SpectrumFiles,
    Subject,
)


def header_block(cards: Mapping[str, Any]) -> bytes:
    lines = []
    for key, value in cards.items():
        if isinstance(value, bool):
            text = f"{'T' if value else 'F':>20}"
        elif isinstance(value, str):
            text = f"'{value:<8}'"
        else:
            text = f"{value:>20}"
        lines.append(f"{key:<8}= {text}".ljust(80))
    raw = "".join([*lines, "END".ljust(80)])
    return raw.ljust(-(-len(raw) // 2880) * 2880).encode()


def write_pha_header(path: Path, **cards: Any) -> Path:
    """Write a FITS file whose SPECTRUM extension has a header and no rows: enough for following links."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = {"XTENSION": "BINTABLE", "BITPIX": 8, "NAXIS": 2, "NAXIS1": 0, "NAXIS2": 0, "PCOUNT": 0, "GCOUNT": 1}
    primary = {"SIMPLE": True, "BITPIX": 8, "NAXIS": 0}
    extension = {**table, "TFIELDS": 0, "EXTNAME": "SPECTRUM", **cards}
    path.write_bytes(header_block(primary) + header_block(extension))
    return path


def fit_job(subjects: list[Subject], **changes: Any) -> FitJob:
    band = Band("3-79 keV", 3.0, 79.0)
    values: dict[str, Any] = {
        "name": "pl",
        "group": "",
        "datasets": tuple(Dataset(s, "min30", band) for s in subjects),
        "model": {"component": "pl"},
        "model_text": "powerlaw.pl",
        "components": {"pl": "powerlaw"},
        "parameters": (Parameter("pl.norm", "pl", "norm", tuple(range(len(subjects))), 1.0, 0.0, 1e24),),
        "background": "subtract",
        "statistic": "chi2",
        "path": "fit.pl",
    }
    return FitJob(**{**values, **changes})


def subject(instrument: str = "FPMA", obsid: str = "01") -> Subject:
    return Subject("nustar", obsid, instrument, "src")


def files_of(one: Subject, root: Path, **changes: Any) -> SpectrumFiles:
    return SpectrumFiles(one, root / f"{one.obsid}{one.module}_sr.pha", path="spectra.src", **changes)


def spec_of(files: list[SpectrumFiles], fits: list[FitJob], binning: Mapping[str, Any] | None = None) -> Spec:
    params = binning if binning is not None else {"type": "min", "counts": 30.0}
    return Spec(
        name="t",
        level="spectra",
        spectra=tuple(files),
        binnings={"min30": Binning("min30", params, "binning.min30")},
        bands={},
        fits=tuple(fits),
    )


def analysis_of(*members: tuple[Mapping[str, Any], Spec]) -> Analysis:
    named = tuple(
        Member(",".join(f"{k.rsplit('.', 1)[-1]}={v}" for k, v in values.items()), values, spec)
        for values, spec in members
    )
    return Analysis(
        path=Path("a.yaml"),
        files={"a.yaml": b""},
        overrides=(),
        name="t",
        members=named,
        document={},
        origins={},
        places={"spectra.src": Place("a.yaml", 7, 3), "fit.pl": Place("a.yaml", 12, 3)},
    )


def observation(root: Path, module: str = "A", **cards: Any) -> None:
    """Write the headers of a source with all its files beside it."""
    values = {"BACKFILE": f"01{module}_bk.pha", "RESPFILE": "r.rmf", "ANCRFILE": f"01{module}.arf", **cards}
    write_pha_header(root / f"01{module}_sr.pha", **values)
    for name in (f"01{module}_bk.pha", "r.rmf", f"01{module}.arf"):
        write_pha_header(root / name)
