"""What the fakes make of event lists, by the native tasks: spectra, light curves, images."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.fakes.headas.fitsbytes import read_parts, write_parts
from xbatch.registry import Job

__all__ = ["EventFile"]


class EventFile:
    """An event list, and the folder that what comes of it is made in."""

    def __init__(self, path: Path, scratch: Path, housekeeping: Path | None = None) -> None:
        self._path, self._scratch, self._housekeeping = path, scratch, housekeeping
        scratch.mkdir(parents=True, exist_ok=True)

    @functools.cached_property
    def identity(self) -> dict[str, str]:
        """Mission, instrument and obsid, as the list's header has them."""
        cards = next(part for part in read_parts(self._path) if part.name == "EVENTS")
        mission = {"NuSTAR": "nustar", "XMM": "xmm"}.get(cards.get("TELESCOP"), cards.get("TELESCOP").lower())
        return {"mission": mission, "instrument": cards.get("INSTRUME"), "obsid": cards.get("OBS_ID")}

    @functools.cached_property
    def _inputs(self) -> dict[str, Path]:
        from xbatch.tasks.events import run

        inputs = {"events": self._path}
        if self._housekeeping is not None:
            inputs["livetime"] = self._housekeeping
        _called(run, {**self.identity, "screening": {"keep": ["DET1X", "DET1Y"]}}, inputs, self._scratch)
        made = {"events": self._scratch / "events.bin"}
        if self._housekeeping is not None:
            made["livetime"] = self._scratch / "livetime.npz"
        return made

    def spectrum(self, region: Path, target: Path, gti: Path | None = None) -> None:
        """Write the spectrum of a region."""
        from xbatch.tasks.extract import run

        inputs = {**self._inputs, "region/one": region, **({} if gti is None else {"gti": gti})}
        params = {
            "regions": {"one": {"file": region.name}},
            "spectra": [{"name": "one", "region": "one", "wmap": True}],
        }
        _called(run, {**self.identity, **params}, inputs, self._scratch)
        parts = read_parts(self._scratch / "one.pha")
        parts[1].drop("XB_BSCAL")
        write_parts(target, parts)

    def curve(self, region: Path, target: Path, dt: float, pi: tuple[int, int], live: bool, gti: Path | None) -> None:
        """Write the light curve of a region in a band of PI."""
        from xbatch.tasks.lightcurve import run

        inputs = {**self._inputs, "region/one": region, **({} if gti is None else {"gti": gti})}
        params = {
            "name": "one",
            "regions": {"one": {"file": region.name}},
            "region": "one",
            "background": "",
            "bands": [_band(pi)],
            "dt": dt,
            "min_fracexp": 0.0,
            "corrections": ["gti", *(["livetime"] if live else [])],
            "figure": False,
        }
        _called(run, {**self.identity, **params}, inputs, self._scratch)
        (self._scratch / "band.lc").replace(target)

    def image(
        self, target: Path, pi: tuple[int, int], binning: int = 1, gti: Path | None = None, frame: str = "sky"
    ) -> None:
        """Write the image of a band of PI, on the sky or (``det``) on the detectors."""
        from xbatch.tasks.image import run

        inputs = {**self._inputs, **({} if gti is None else {"gti": gti})}
        params = {"name": "one", "bands": [_band(pi)], "frame": frame, "bin": binning, "figure": False}
        _called(run, {**self.identity, **params}, inputs, self._scratch)
        (self._scratch / "band.img").replace(target)


def _band(pi: tuple[int, int]) -> dict[str, Any]:
    return {"name": "band", "lo": round(1.6 + 0.04 * pi[0], 6), "hi": round(1.6 + 0.04 * (pi[1] + 1), 6)}


def _called(run: Any, params: Mapping[str, Any], inputs: Mapping[str, Path], out: Path) -> None:
    run(Job("fake", params, inputs, out))
