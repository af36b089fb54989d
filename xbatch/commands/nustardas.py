"""What NuSTAR's tools do otherwise from one release of HEASoft to the next.

HEASoft 6.20 has NuSTARDAS 1.7.1, 6.22 has 1.8.0, 6.28 has 2.0.0; 2.1.1 is of July 2021, as HEASoft 6.29. Sources: the
history of the NuSTAR Data Analysis Software Guide 1.10, the notes of NuSTARDAS 2.0.0, of the calibration of 27 July
2017 and of HEASoft 6.36, and the NuSTAR SOC's page on the MLI correction.
"""

from __future__ import annotations

from dataclasses import dataclass

from xbatch.base.heasoftrelease import release_of

__all__ = ["Nustardas", "bench_file"]


def bench_file(obsid: str) -> str:
    """Name the housekeeping of the optics bench: in ``hk/`` of an observation, and where nupipeline leaves it."""
    return f"nu{obsid}_obeb.hk"


@dataclass(frozen=True)
class Nustardas:
    """The tools of one release.

    Attributes
    ----------
    release : tuple of int
        First two numbers of HEASoft's version.
    """

    release: tuple[int, int]

    @classmethod
    def of(cls, version: str) -> Nustardas:
        """Give those of a version of HEASoft; of the newest where it is not known."""
        return cls(release_of(version))

    @property
    def copies_bench(self) -> bool:
        """Whether nupipeline leaves `bench_file` beside its lists, where nuproducts looks for it."""
        return self.release >= (6, 28)

    @property
    def corrects_for_temperature(self) -> bool:
        """Whether the ARF of FPMA is corrected for the temperature of the optics without being asked to.

        By NuSTARDAS 2.0 it is; since 2.1.1 only where nuproducts is told so (``arfmlicorr``).
        """
        return (6, 28) <= self.release < (6, 29)

    @property
    def saacalc(self) -> int:
        """The way to find SAA passages where a treatment is asked for and no way: 3 is there since NuSTARDAS 1.8.0."""
        return 3 if self.release >= (6, 22) else 2

    @property
    def knows_clock(self) -> bool:
        """Whether barycorr can use the clock files that CALDB has since 29 April 2020: NuSTARDAS 1.9.2 is the first."""
        return self.release >= (6, 27)
