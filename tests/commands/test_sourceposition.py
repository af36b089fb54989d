"""Golden tests of what arfgen is told of the source, as the pages of arfgen 1.98 to 1.106 have it (Source Position)."""

from __future__ import annotations

import shlex

from xbatch.commands import epic
from xbatch.commands.sourceposition import at, found_by
from xbatch.tasks import selection

PLAIN = "arfgen spectrumset=s.pha arfset=s.arf withrmfset=yes rmfset=s.rmf badpixlocation=e.fits detmaptype=psf"


def test_the_middle_of_the_region_is_what_arfgen_takes_by_itself() -> None:
    assert list(epic.arfgen("s.pha", "s.arf", "s.rmf", "e.fits").command) == shlex.split(PLAIN)


def test_a_place_is_given_in_degrees() -> None:
    made = epic.arfgen("s.pha", "s.arf", "s.rmf", "e.fits", "point", at((213.3120833, -3.2075833)))
    assert list(made.command) == shlex.split(
        f"{PLAIN} withsourcepos=yes sourcecoords=eqpos sourcex=213.31208 sourcey=-3.2075833"
    )


def test_the_selection_says_the_same_names() -> None:
    assert found_by("src.energy") == (
        ("withsourcepos", "{selection:src.energy.withsourcepos}"),
        ("sourcecoords", "eqpos"),
        ("sourcex", "{selection:src.energy.sourcex}"),
        ("sourcey", "{selection:src.energy.sourcey}"),
    )
    names = (selection._GIVEN, selection._LONGITUDE, selection._LATITUDE)
    assert names == tuple(name for name, _ in found_by("src") if name != "sourcecoords")
