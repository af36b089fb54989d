"""The fake nuproducts and nubackscale: spectra, responses, light curves and images of a clean NuSTAR list."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.core import Run, ToolError
from tests.fakes.headas.fitsbytes import Part, existing, part_named, read_parts, write_parts
from tests.fakes.headas.lists import EventFile
from tests.fakes.headas.parameters import Parameters
from tests.fakes.headas.pipeline import calibration, longest_path, own_folder

__all__ = ["COLD", "TOOLS"]

#: What a correction for temperature adds to the area of FPMA below 5 keV.
COLD = 0.05

_SUFFIXES = {
    "phafile": "_sr.pha",
    "bkgphafile": "_bk.pha",
    "lcfile": "_sr.lc",
    "bkglcfile": "_bk.lc",
    "imagefile": "_sk.img",
    "outarffile": "_sr.arf",
    "outrmffile": "_sr.rmf",
    "grpphafile": "_sr_grp.pha",
}
_POINTLIKE = {"circle", "ellipse", "annulus"}
_SHAPE = re.compile(r"^\s*([-+]?)\s*(\w+)\s*\(")
_GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
_PIXEL = 2.4581
#: How the simulator spreads a point (`xbatch.simulator.psf.NUSTAR`, which takes half a second to load).
_KING = (10.9, 1.33)


@dataclass
class _Task:
    """One call of nuproducts."""

    run: Run
    parameters: Parameters
    scratch: Path
    module: str
    events: Path
    target: Path
    stem: str

    def named(self, name: str) -> Path | None:
        """Give the path of a product, or None where none is wanted."""
        value = self.parameters[name]
        if value.upper() == "NONE":
            return None
        return self.target / (f"{self.stem}{_SUFFIXES[name]}" if value.upper() == "DEFAULT" else value)

    def product(self, path: Path) -> Path:
        """Note a product, which must not be there."""
        if path.exists() and not self.parameters.yes("clobber"):
            raise ToolError(f"file {path} already exists, use clobber=yes to overwrite it")
        path.unlink(missing_ok=True)  # another name of the same file keeps what it has
        return self.run.keep(path)

    def region(self, name: str, shape: str) -> Path:
        """Give a region file, which is made where it is asked for so."""
        value = self.parameters[name]
        if value != "DEFAULT":
            return existing(Path(value))
        made = self.scratch / f"{name}.reg"
        made.write_text(f"fk5\n{shape}\n")
        return made


def _nuproducts(run: Run, parameters: Parameters) -> None:
    parameters.needed("indir", "instrument", "steminputs", "outdir")
    instrument = parameters["instrument"].upper()
    if instrument not in ("FPMA", "FPMB"):
        raise ToolError(f"invalid instrument {instrument}: FPMA or FPMB")
    folder, stem, module = Path(parameters["indir"]), parameters["steminputs"], instrument[-1]
    caldb = calibration()
    named = parameters["infile"]
    events = existing(folder / f"{stem}{module}01_cl.evt" if named == "DEFAULT" else Path(named))
    longest_path(events)
    for name, suffix in (
        ("mastaspectfile", "_mast.fits"),
        ("attfile", "_att.fits"),
        ("det1reffile", f"{module}_det1.fits"),
        ("optaxisfile", f"{module}_oa.fits"),
        ("hkfile", f"{module}_fpm.hk"),
    ):
        value = parameters[name]
        existing(folder / f"{stem}{suffix}" if value == "DEFAULT" else Path(value))
    target = Path(parameters["outdir"])
    target.mkdir(parents=True, exist_ok=True)
    name = parameters["stemout"]
    out = events.name.removesuffix(".gz").removesuffix("_cl.evt") if name == "DEFAULT" else name
    run.say("nuproducts_0.3.3: Running nuproducts")
    with own_folder("nuproducts") as scratch:
        task = _Task(run, parameters, scratch, module, events, target, out)
        source = task.region("srcregionfile", _circle(parameters))
        _check_shapes(source, parameters, task)
        hk = existing(folder / f"{stem}{module}_fpm.hk")
        if parameters.yes("barycorr"):
            task.events, hk = _barycentred(task, hk)
        mast = read_parts(folder / f"{stem}_mast.fits")[0]
        _make(task, source, hk, mast, caldb)
    Path("xselect.log").write_text("")
    run.leave("nuproducts_0.3.3: Exit with success")


def _make(task: _Task, source: Path, hk: Path, mast: Part, caldb: Path) -> None:
    """Make all products in the task's own order: source, background, ARF, RMF, groups."""
    parameters, scratch = task.parameters, task.scratch
    user = parameters["usrgtifile"]
    gti = None if user.upper() == "NONE" else existing(Path(user))
    plain = EventFile(task.events, scratch / "lists", hk if gti is not None else None)
    live = EventFile(task.events, scratch / "live", hk)
    band = int(parameters["pilow"]), int(parameters["pihigh"])
    binsize, corrected = float(parameters["binsize"]), parameters.yes("correctlc")
    share = _share(task, source, mast)
    image, pha = task.named("imagefile"), task.named("phafile")
    if image is not None:
        plain.image(task.product(image), band, gti=gti)
        (task.target / f"{task.stem}_im.gif").write_bytes(_GIF)
    # the source's spectrum is made in any case: the light curve's correction needs its region
    spectrum = task.product(pha) if pha is not None else scratch / "temporary.pha"
    plain.spectrum(source, spectrum, gti)
    curve = task.named("lcfile")
    if curve is not None:
        live.curve(source, task.product(curve), binsize, band, corrected, gti)
        if corrected and parameters.yes("lcpsfflag"):
            _scale_rates(curve, 1.0 / share)
        _write_flc(curve, task.product(task.target / f"{task.stem}.flc"))
        (task.target / f"{task.stem}_lc.gif").write_bytes(_GIF)
    background = _background(task, plain, live, band, gti)
    arf = task.named("outarffile") if parameters.yes("runmkarf") else None
    rmf = task.named("outrmffile") if parameters.yes("runmkrmf") else None
    if arf is not None:
        parts = read_parts(caldb / "cpf" / "arf" / "point.arf")
        area = part_named(parts, "SPECRESP")
        area.fill("SPECRESP", area.column("SPECRESP") * share)
        if _is_cold(task):
            area.fill("SPECRESP", area.column("SPECRESP") * (1.0 + COLD * (area.column("ENERG_LO") < 5.0)))
        area.put("INSTRUME", f"FPM{task.module}")
        write_parts(task.product(arf), parts)
    if rmf is not None:
        parts = read_parts(caldb / "cpf" / "rmf" / "detectors.rmf")
        for part in parts[1:]:
            part.put("INSTRUME", f"FPM{task.module}")
        write_parts(task.product(rmf), parts)
    if pha is None:
        return
    _link(pha, BACKFILE=background, RESPFILE=rmf, ANCRFILE=arf)
    (task.target / f"{task.stem}_ph.gif").write_bytes(_GIF)
    if parameters.yes("rungrppha"):
        from tests.fakes.headas.grouping import write_grouped

        bad = [(0, int(parameters["grppibadlow"]) - 1), (int(parameters["grppibadhigh"]) + 1, 4095)]
        grouped = task.named("grpphafile")
        if grouped is not None:
            write_grouped(pha, task.product(grouped), bad, float(parameters["grpmincounts"]))


def _is_cold(task: _Task) -> bool:
    """Say whether the area is corrected for the temperature of FPMA's optics: by default or not, as the release has it.

    What the real task does without the housekeeping is not documented: this one goes on without a correction.
    """
    parameters = task.parameters
    if task.module != "A" or "arfmlicorr" not in parameters or not parameters.yes("arfmlicorr"):
        return False
    value = parameters["inobebhkfile"]
    default = f"{Path(parameters['indir']) / parameters['steminputs']}_obeb.hk"
    path = Path(default if value == "DEFAULT" else value)
    if path.is_file() or path.with_name(f"{path.name}.gz").is_file():
        return True
    task.run.say(f"nuproducts_0.3.3: Warning: {path} not found, the ARF is not corrected for temperature")
    return False


def _background(task: _Task, plain: EventFile, live: EventFile, band: tuple[int, int], gti: Path | None) -> Path | None:
    """Make what there is to be of the background; give its spectrum."""
    parameters = task.parameters
    if not parameters.yes("bkgextract"):
        return None
    region = task.region("bkgregionfile", _annulus(parameters))
    pha, curve = task.named("bkgphafile"), task.named("bkglcfile")
    plain.spectrum(region, task.product(pha) if pha is not None else task.scratch / "background.pha", gti)
    if curve is not None:
        live.curve(
            region,
            task.product(curve),
            float(parameters["binsize"]),
            band,
            parameters.yes("correctlc"),
            gti,
        )
    return pha


def _circle(parameters: Parameters) -> str:
    if parameters["srcregionfile"] != "DEFAULT":
        return ""
    parameters.needed("srcra", "srcdec")
    radius = float(parameters["srcradius"]) * _PIXEL
    return f'circle({parameters["srcra"]},{parameters["srcdec"]},{radius:.3f}")'


def _annulus(parameters: Parameters) -> str:
    if parameters["bkgregionfile"] != "DEFAULT":
        return ""
    parameters.needed("bkgra", "bkgdec")
    radii = [float(parameters[name]) * _PIXEL for name in ("bkgradius1", "bkgradius2")]
    return f'annulus({parameters["bkgra"]},{parameters["bkgdec"]},{radii[0]:.3f}",{radii[1]:.3f}")'


def _check_shapes(region: Path, parameters: Parameters, task: _Task) -> None:
    """Refuse shapes that are no point's where corrections for a point are asked for."""
    shapes = [found.groups() for line in region.read_text().splitlines() if (found := _SHAPE.match(line.lower()))]
    included = [name for sign, name in shapes if sign != "-"]
    if not included:
        raise ToolError(f"no region found in {region}")
    if parameters.yes("extended"):
        return
    corrected = task.named("lcfile") is not None and parameters.yes("correctlc") and parameters.yes("lcpsfflag")
    made = parameters.yes("runmkarf") and task.named("phafile") is not None
    # light curves and ARFs of points are made of one shape alone
    if corrected or made:
        if len(shapes) > 1:
            raise ToolError(f"This region shape is not yet implemented: {region}")
        if included[0] not in _POINTLIKE:
            raise ToolError(f"Region shape '{included[0].upper()}' not supported for point-like sources.")
    if made and parameters.yes("grflag") and included[0] != "circle":
        raise ToolError("Ghost Rays correction is supported only for circular extraction regions.")


def _share(task: _Task, region: Path, mast: Part) -> float:
    """Give the share of the source's light that good pixels see within a region."""
    import numpy as np

    from xbatch.ogip.events import open_events
    from xbatch.ogip.regions import read_regions
    from xbatch.ogip.skyplane import event_plane
    from xbatch.xray.region_masks import selected

    header = open_events(task.events, task.scratch).header
    shapes = read_regions(region, event_plane(header.wcs, str(task.events))).shapes
    core, slope = _KING
    left = 1.0 - (np.arange(500) + 0.5) / 500
    distance = core * np.sqrt(left ** (1.0 / (1.0 - slope)) - 1.0)[:, None] / _PIXEL
    angle = 2.0 * np.pi * np.arange(48)[None, :] / 48
    x = mast.number("SRC_X") + distance * np.cos(angle)
    y = mast.number("SRC_Y") + distance * np.sin(angle)
    share = float(selected(shapes, x, y).mean()) * mast.number(f"LAND{task.module}", 1.0)
    return max(share, 1e-4)


def _scale_rates(path: Path, factor: float) -> None:
    """Correct the rates of a light curve, as nulccorr does."""
    parts = read_parts(path)
    table = part_named(parts, "RATE")
    for column in ("RATE", "ERROR"):
        table.fill(column, table.column(column) * factor)
    table.put("NUFLAG", True)
    write_parts(path, parts)


def _write_flc(curve: Path, target: Path) -> None:
    """Write what lcurve makes of one light curve: the same with its columns numbered."""
    parts = read_parts(curve)
    table = part_named(parts, "RATE")
    for number in range(1, int(table.number("TFIELDS")) + 1):
        name = table.get(f"TTYPE{number}")
        if name in ("RATE", "ERROR"):
            table.put(f"TTYPE{number}", f"{name}1")
    write_parts(target, parts)


def _link(pha: Path, **files: Path | None) -> None:
    """Write the names of the files that go with a spectrum into it."""
    parts = read_parts(pha)
    for keyword, path in files.items():
        parts[1].put(keyword, "none" if path is None else path.name)
    write_parts(pha, parts)


def _barycentred(task: _Task, hk: Path) -> tuple[Path, Path]:
    """Give the list and the housekeeping with the times of the barycentre."""
    from tests.fakes.headas.barycentre import write_barycentred

    parameters = task.parameters
    parameters.needed("orbitfile", "srcra_barycorr", "srcdec_barycorr")
    orbit = existing(Path(parameters["orbitfile"]))
    made = task.scratch / "events_bc.evt", task.scratch / "hk_bc.hk"
    for source, target in zip((task.events, hk), made, strict=True):
        write_barycentred(source, target, orbit)
    return made


def _nubackscale(run: Run, parameters: Parameters) -> None:
    """Weigh BACKSCAL as the tool's source has it, by the map of events before each spectrum."""
    parameters.needed("srcphafile", "bkgphafile", "srcoutfile", "bkgoutfile", "evtfile")
    calibration()
    for name in ("evtfile", "mastaspectfile", "attfile", "det1reffile"):
        existing(Path(parameters[name]))
    with own_folder("nubkgphacorr") as scratch:
        exposures = Path(parameters["inexpomapfile"])
        if parameters["inexpomapfile"].upper() == "NONE":
            from tests.fakes.headas.maps import write_map

            exposures = scratch / "expomap.img"
            write_map(exposures, existing(Path(parameters["evtfile"])), 1000)
        exposure = read_parts(existing(exposures))[0]
        if exposure.get("VIGNAPP") == "T":
            raise ToolError("Input Exposure Map is corrected for vignetting.")
        for card in ("ONTIME", "LIVETIME", "DEADC", "CRPIX1P", "CRPIX2P", "CRVAL1P", "CRVAL2P"):
            _card(exposure, card, exposures)
        # the background first, as the tool does
        for kind in ("bkg", "src"):
            path = Path(parameters[f"{kind}outfile"])
            if path.exists() and not parameters.yes("clobber"):
                raise ToolError(f"file {path} already exists, use clobber=yes to overwrite it")
            source = existing(Path(parameters[f"{kind}phafile"]))
            parts = read_parts(source)
            if parameters.yes(f"{kind}correct"):
                _weigh(parts, source, exposure)
            write_parts(run.keep(path), parts)
    run.leave("nubackscale_1.0.3: Exit with success")


def _card(part: Part, name: str, path: Path) -> float:
    if not part.get(name):
        raise ToolError(f"Unable to read {name} keyword in '{path}' file.")
    return part.number(name)


def _weigh(parts: list[Part], path: Path, exposures: Part) -> None:
    """Multiply BACKSCAL by the mean exposure of the region's pixels over EXPOSURE."""
    head, spectrum = parts[0], part_named(parts, "SPECTRUM")
    for card in ("NAXIS1", "NAXIS2", "X-OFFSET", "Y-OFFSET"):
        _card(head, card, path)
    values, seconds = _image(head), _image(exposures)
    first = [
        int(_card(head, f"CRVAL{axis}P", path) + _card(head, f"CRPIX{axis}P", path) - 1)
        - int(exposures.number(f"CRVAL{axis}P") + exposures.number(f"CRPIX{axis}P") - 1)
        for axis in (1, 2)
    ]
    total, pixels = 0.0, 0
    for row, line in enumerate(values, first[1]):
        for column, value in enumerate(line, first[0]):
            if value >= 0 and 0 <= row < len(seconds) and 0 <= column < len(seconds[row]):
                total += float(seconds[row][column])
                pixels += 1
    if spectrum.get("NUBACKSC") == "T":
        return
    weight = total / pixels / _card(head, "EXPOSURE", path) if pixels else 0.0
    backscal = _card(spectrum, "BACKSCAL", path) * weight
    for part in parts:
        part.put("BACKSCAL", backscal)
        part.put("NUBACKSC", True)
    spectrum.cards.append("HISTORY nubackscale: BACKSCAL corrected")


def _image(part: Part) -> Any:
    import numpy as np

    code = {-32: ">f4", -64: ">f8", 16: ">i2", 32: ">i4"}[int(part.number("BITPIX"))]
    rows, columns = int(part.number("NAXIS2")), int(part.number("NAXIS1"))
    return np.frombuffer(part.data, code, rows * columns).reshape(rows, columns)


TOOLS = {"nuproducts": _nuproducts, "nubackscale": _nubackscale}
