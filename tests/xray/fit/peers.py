"""The same spectra as Sherpa's own objects, and our spectral model as one of Sherpa's."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from tests.xray.worlds import CHANNELS, World, instrument
from xbatch.xray.components import COMPONENTS, Evaluator

STATS = {
    ("chi2", "data"): "Chi2DataVar",
    ("chi2", "constant"): "Chi2ConstVar",
    ("chi2", "gehrels"): "Chi2Gehrels",
    ("chi2", "model"): "Chi2ModVar",
    ("chi2", "xspec"): "Chi2XspecVar",
    ("cstat", "data"): "CStat",
    ("cash", "data"): "Cash",
    ("wstat", "data"): "WStat",
}


def sherpa_data(world: World, mode: str, lo: float = 1.0, hi: float = 10.0) -> Any:
    from sherpa.astro.data import DataARF, DataPHA, DataRMF

    one = instrument()
    channel = np.arange(1, CHANNELS + 1)
    data = DataPHA("src", channel, world.source, grouping=world.grouping.astype(int), quality=world.quality.astype(int))
    data.exposure, data.backscal, data.areascal = world.exposure, world.backscal, world.areascal
    if world.systematic:
        data.syserror = world.systematic * world.source
    first = one.indices[one.indptr[:-1]] + 1
    size = np.diff(one.indptr)
    low, high = one.edges[:-1], one.edges[1:]
    rmf = DataRMF(
        "rmf", CHANNELS, low, high, np.ones(low.size, dtype=int), first, size, one.matrix, e_min=one.e_min,
        e_max=one.e_max,
    )  # fmt: skip
    data.set_response(DataARF("arf", low, high, one.specresp), rmf)
    if mode in ("subtract", "profiled"):
        below = DataPHA("bkg", channel, world.background)
        below.exposure, below.backscal = world.background_exposure, world.background_backscal
        below.areascal = world.background_areascal
        data.set_background(below)
    data.units = "energy"
    data.ignore_bad()
    data.grouped = True
    data.notice(lo, hi)
    if mode == "subtract":
        data.subtract()
    return data


def sherpa_model(data: Any, start: dict[str, float]) -> Any:
    """Wrap our absorbed power law in Sherpa's response."""
    from sherpa.astro.instrument import Response1D
    from sherpa.models.model import ArithmeticModel
    from sherpa.models.parameter import Parameter

    class Absorbed(ArithmeticModel):  # type: ignore[misc]
        def __init__(self) -> None:
            self.nH = Parameter("m", "nH", start["nh"], 0, 1e6, 0, 1e6)
            self.gamma = Parameter("m", "gamma", start["gamma"], -3, 10, -3, 10)
            self.norm = Parameter("m", "norm", start["norm"], 0, 1e24, 0, 1e24)
            ArithmeticModel.__init__(self, "m", (self.nH, self.gamma, self.norm))

        def calc(self, p: Any, xlo: Any, xhi: Any, **_: Any) -> Any:
            power, absorption = _prepared(np.append(xlo, xhi[-1]).tobytes())
            return power(p[1:]) * absorption(p[:1])

    return Response1D(data)(Absorbed())


@lru_cache(maxsize=4)
def _prepared(edges: bytes) -> tuple[Evaluator, Evaluator]:
    grid = np.frombuffer(edges)
    return COMPONENTS["powerlaw"].prepare(grid, "wilm", "vern"), COMPONENTS["phabs"].prepare(grid, "wilm", "vern")


def sherpa_stat(statistic: str, variance: str) -> Any:
    import sherpa.stats

    return getattr(sherpa.stats, STATS[statistic, variance])()
