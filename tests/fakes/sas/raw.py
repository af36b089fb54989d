"""Raw observations of XMM-Newton for the fake SAS: a few small files with the names that real ones have.

What tells the tasks what to make stands in them: in the place of a camera's raw events the simulator's calibrated list,
in the place of the RGS's the spectrum to draw.
"""

from __future__ import annotations

import gzip as gzip_module
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from tests.fakes.sas.fitsfile import Hdu, primary, read, table, write
from tests.fakes.sas.subspace import Subspace, Term
from xbatch.ogip.fitswriter import Card
from xbatch.simulator.config import Background, Flares, ListOptions, Observation, SimulationConfig, Sky
from xbatch.simulator.config import Term as Component
from xbatch.simulator.epic import simulate_epic

__all__ = ["EXPOSURES", "RawExposure", "copy_observation", "make_xmm_raw"]

_CODES = {"EMOS1": "M1", "EMOS2": "M2", "EPN": "PN", "RGS1": "R1", "RGS2": "R2"}
_SKY = Sky()
#: The CCD whose file carries the events.
_CCDS = {"EMOS1": "01", "EMOS2": "01", "EPN": "04", "RGS1": "05", "RGS2": "05"}


_KINDS = {
    "IMAGING": "IME",
    "TIMING": "TIE",
    "BURST": "BUE",
    "SPECTROSCOPY": "SPE",
    "HIGH TIME RESOLUTION": "HTE",
}


@dataclass(frozen=True)
class RawExposure:
    """An exposure of an instrument: its name (S003, U014), its part of the observation's seconds, its mode."""

    name: str
    part: float = 1.0
    mode: str = "IMAGING"


#: What an observation has unless something else is asked for.
EXPOSURES: Mapping[str, Sequence[RawExposure]] = MappingProxyType(
    {
        "EMOS1": (RawExposure("S001"),),
        "EMOS2": (RawExposure("S002"),),
        "EPN": (RawExposure("S003"),),
        "RGS1": (RawExposure("S004", mode="SPECTROSCOPY"),),
        "RGS2": (RawExposure("S005", mode="SPECTROSCOPY"),),
    }
)


def make_xmm_raw(
    folder: Path,
    obsid: str = "0999000101",
    seed: int = 1,
    instruments: Sequence[str] = ("EPN",),
    *,
    seconds: float = 3000.0,
    events: float = 4000.0,
    exposures: Mapping[str, Sequence[RawExposure]] = MappingProxyType({}),
    flares: int = 1,
    grating_flares: Sequence[tuple[float, float]] = (),
    revolution: str = "2345",
    start: str = "2015-07-08T00:10:00",
    odf: str = "ODF",
    packed: bool = False,
    target: str = "simulated",
    sky: Sky = _SKY,
    model: Sequence[tuple[str, Mapping[str, float]]] = (("powerlaw", {"PhoIndex": 1.8, "norm": 1e-2}),),
) -> Path:
    """Make the raw data of an observation.

    Parameters
    ----------
    folder : Path
        Where the observation's folder, named by `obsid`, is to be.
    obsid : str
        Ten digits.
    seed : int
    instruments : sequence of str
        EPN, EMOS1, EMOS2, RGS1, RGS2.
    seconds : float
        Good time of a whole exposure.
    events : float
        About how many events a whole list has.
    exposures : Mapping
        Instrument to its exposures, where they are not those of `EXPOSURES`.
    flares : int
        How many soft-proton flares EPIC's lists have.
    grating_flares : sequence of (start, stop)
        When each exposure of an RGS has some, in s from its start.
    revolution, start, target : str
    odf : str
        Name of the folder with the raw data: ``ODF`` as in one archive, ``odf`` as in the other.
    packed : bool
        Whether the files are gzipped.
    sky : Sky
    model : sequence of (component, parameters)

    Returns
    -------
    observation : Path
        ``folder/obsid``.
    """
    place = folder / obsid / odf
    place.mkdir(parents=True)
    stem = f"{revolution}_{obsid}"
    begin = datetime.fromisoformat(start)
    last = begin + timedelta(seconds=seconds)
    terms = tuple(Component(kind, dict(values)) for kind, values in model)
    for number, instrument in enumerate(instruments):
        at = begin
        for exposure in exposures.get(instrument, EXPOSURES[instrument]):
            name = f"{stem}_{_CODES[instrument]}{exposure.name}"
            length = seconds * exposure.part
            if instrument.startswith("RGS"):
                hdus = _grating(obsid, instrument, exposure, at, length, seed)
                hdus += _protons(hdus[0], grating_flares)
            else:
                config = SimulationConfig(
                    name="raw",
                    target=target,
                    seed=seed + 101 * number + 7 * int(exposure.name[1:]),
                    observations=(Observation(obsid, at.isoformat(), {instrument: length}),),
                    model=terms,
                    background=Background(2.0, ((0.3, 10.0), (1.0, 3.0), (10.0, 1.0))),
                    backscal_source=1.0,
                    backscal_background=1.0,
                    calibration=dict.fromkeys(("EMOS1", "EMOS2", "EPN"), 1.0),
                    products="events",
                    sky=sky,
                    flares=Flares(flares, 30.0, max(60.0, length / 20)),
                    lists=ListOptions(events=events * exposure.part),
                )
                hdus = _camera(config, instrument, exposure, revolution)
            kind = _KINDS[exposure.mode]
            write(place / f"{name}{_CCDS[instrument]}{kind}.FIT", hdus)
            write(
                place / f"{name}00AUX.FIT", [primary([Card("INSTRUME", instrument), Card("EXPIDSTR", exposure.name)])]
            )
            at += timedelta(seconds=1.1 * length + 300)
            last = max(last, at)
    _spacecraft(place, stem, (start, last.isoformat()), sky)
    (place / f"MANIFEST.{123456 + seed}").write_text("".join(f"{path.name}\n" for path in sorted(place.iterdir())))
    if packed:
        for path in list(place.glob("*.FIT")):
            with gzip_module.GzipFile(f"{path}.gz", "wb", mtime=0) as stream:
                stream.write(path.read_bytes())
            path.unlink()
    return folder / obsid


def _camera(config: SimulationConfig, instrument: str, exposure: RawExposure, revolution: str) -> list[Hdu]:
    """Simulate a list, and let it say which exposure it is."""
    with tempfile.TemporaryDirectory() as scratch:
        made, _ = simulate_epic(config, 0, Path(scratch))
        hdus = read(made[0])
    obsid = config.observations[0].obsid
    names = [
        Card("EXPIDSTR", exposure.name, "Exposure identifier (Xnnn)"),
        Card("EXP_ID", f"{obsid}{exposure.name[1:]}", "Exposure identifier"),
        Card("DATAMODE", exposure.mode, "Instrument mode"),
        Card("OBS_MODE", "POINTING", "Observation mode"),
        Card("REVOLUT", int(revolution), "XMM revolution number"),
        Card("ORIGIN", "fake SAS", "simulated"),
    ]
    ccds = sorted(int(hdu.name[6:]) for hdu in hdus if hdu.name.startswith("STDGTI"))
    numbers = {ccd: str(ccd) for ccd in ccds}
    gtis = {ccd: f"STDGTI{ccd:02d}" for ccd in ccds}
    subspace = Subspace([Term("CCDNR", numbers), Term("TIME", dict.fromkeys(ccds, "TABLE"), gtis, unit="s")])
    for hdu in hdus[:2]:
        hdu.add(names)
    subspace.put(hdus[1])
    return hdus


def _grating(obsid: str, instrument: str, exposure: RawExposure, at: datetime, length: float, seed: int) -> list[Hdu]:
    """Say what the RGS is to see: a power law in keV, with a background."""
    cards = [
        Card("TELESCOP", "XMM"),
        Card("INSTRUME", instrument),
        Card("OBS_ID", obsid),
        Card("EXPIDSTR", exposure.name),
        Card("DATE-OBS", at.isoformat()),
        Card("DATE-END", (at + timedelta(seconds=length)).isoformat()),
        Card("EXPOSURE", length),
        Card("TSTART", _seconds(at)),
        Card("TSTOP", _seconds(at) + length),
        Card("PHOINDEX", 1.8),
        Card("NORM", 1e-2),
        Card("SEED", seed),
    ]
    return [primary(cards), table("RAWEVENTS", [("X", "", [0])], [])]


def _protons(head: Hdu, times: Sequence[tuple[float, float]]) -> list[Hdu]:
    """Say when flares come; nothing where there are none."""
    start = float(head.get("TSTART"))
    columns = [(name, "s", [start + time[at] for time in times]) for at, name in enumerate(("START", "STOP"))]
    return [table("FLARES", columns)] if times else []


def _seconds(at: datetime) -> float:
    """Give the second of the mission's clock, to a minute or so."""
    return (at - datetime(1998, 1, 1)).total_seconds() + 67.184


def _spacecraft(place: Path, stem: str, span: tuple[str, str], sky: Sky) -> None:
    revolution, obsid = stem.split("_")
    start, stop = (_seconds(datetime.fromisoformat(date)) for date in span)
    cards = [Card("OBS_ID", obsid), Card("TSTART", start), Card("TSTOP", stop)]
    cards += [Card("RA_PNT", sky.ra), Card("DEC_PNT", sky.dec), Card("PA_PNT", sky.roll)]
    write(
        place / f"{stem}_SCX00000ATS.FIT", [primary(cards), table("SCATS1", [("VALDUR", "s", [stop - start])], cards)]
    )
    write(place / f"{stem}_SCX00000TCS.FIT", [primary(cards), table("SCTCS1", [("OBT", "", [0])], cards)])
    lines = [
        "OBSERVATION",
        f"{obsid} / Observation/Slew Identifier",
        f"{revolution} / Revolution number",
        f"{span[0]} / Scheduled Start Time",
        f"{span[1]} / Scheduled Stop Time",
        "CONFIGURATION",
        "PROPOSAL",
        "TARGET",
    ]
    (place / f"{stem}_SCX00000SUM.ASC").write_text("\n".join(lines) + "\n")


def copy_observation(observation: Path, folder: Path, obsid: str) -> Path:
    """Copy an observation under another obsid: quicker than to simulate it anew."""
    made = folder / obsid
    old = observation.name
    for path in sorted(path for path in observation.rglob("*") if path.is_file()):
        target = made / path.relative_to(observation).parent / path.name.replace(old, obsid)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".FIT":
            hdus = read(path)
            for hdu in hdus:
                for key in ("OBS_ID", "EXP_ID"):
                    if hdu.get(key) is not None:
                        hdu.set(key, str(hdu.get(key)).replace(old, obsid))
            write(target, hdus)
        elif path.suffix == ".gz":
            shutil.copy(path, target)
        else:
            target.write_text(path.read_text().replace(old, obsid))
    return made
