"""A response as the FITS files that other programs read: the redistribution matrix, and the effective area."""

from __future__ import annotations

from xbatch.ogip.pha import read_pha
from xbatch.ogip.response import load_response
from xbatch.ogip.responsewriter import write_arf, write_rmf
from xbatch.registry import Job, Outcome

__all__ = ["run"]

_KEPT = ("TELESCOP", "INSTRUME", "FILTER", "CHANTYPE")


def run(job: Job) -> Outcome:
    """Write a response as an RMF and an ARF on the same energies.

    Inputs are `response` (response.npz) and `spectrum` (spectrum.pha), whose instrument it is. Outputs are
    ``response.rmf`` and ``response.arf``; the area is 1 where the matrix has it in itself.
    """
    response = load_response(job.inputs["response"])
    known = read_pha(job.inputs["spectrum"]).header
    header = {key: known[key] for key in _KEPT if key in known}
    write_rmf(job.out / "response.rmf", response, header)
    write_arf(job.out / "response.arf", response, {key: header[key] for key in header if key != "CHANTYPE"})
    return Outcome({"energies": int(response.energ_lo.size), "channels": int(response.channel.size)})
