"""A spec to sweep, and sweeps of it drawn at random."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.spec.specs import HEAD, fit

SPEC = (
    HEAD
    + 'spectra: {src: {file: "{obsid}{module}.pha", response: r.rmf, arf: r.arf, background: b.pha}}\n'
    + "bands: {full: 3-79 keV}\n"
    + "binning: {a: {type: min, counts: 30}, b: {type: snmin, snr: 3}}\n"
    + fit("tbabs.gal * powerlaw.pl", "{gal.nH: {value: 1}}", data="{spectra: src, binning: a, band: full}")
)
VALUES: dict[str, list[Any]] = {
    "binning.a.counts": [10, 20, 25.5, 40],
    "binning.a.bad": [["0", "1"], ["0-34"], ["1910-4095", "7"]],
    "binning.b.snr": [4, 5, 6],
    "bands.full": ["3-50 keV", "5 - 10 keV", "3-12 keV"],
    "fit.one.parameters.gal.nH.value": [0.1, 0.5, 2],
    "fit.one.parameters.pl.norm.vary": [["obsid"], ["instrument"]],
    "fit.one.data[0].binning": ["a", "b"],
    "spectra.src.note": ["x", "a/b", "a note that is too long to be part of the name of any file whatsoever"],
    "obsids": [["0201430201"], ["90402339002", "90402339004"]],
}


def swept(sweep: dict[str, Any], spec: str = SPEC) -> str:
    """Write the spec with a sweep."""
    return f"{spec}sweep: {json.dumps(sweep)}\n"


@st.composite
def blocks(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a sweep of a grid, a zip and cases, of at most some ten members."""
    paths = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=5, unique=True))

    def some(path: str, least: int = 1, most: int = 2) -> list[Any]:
        return draw(st.lists(st.sampled_from(VALUES[path]), min_size=least, max_size=most, unique_by=repr))

    sweep: dict[str, Any] = {}
    grid = paths[: draw(st.integers(0, 2))]
    if grid:
        sweep["grid"] = {path: some(path) for path in grid}
    rest = paths[len(grid) :]
    if len(rest) >= 2 and draw(st.booleans()):
        sweep["zip"] = {path: some(path, 2, 2) for path in rest[:2]}
        rest = rest[2:]
    if rest:
        cases = {f"c{number}": {rest[0]: value} for number, value in enumerate(some(rest[0], 1, 3))}
        for path in rest[1:]:
            cases["c0"][path] = draw(st.sampled_from(VALUES[path]))
        sweep["cases"] = cases
    return sweep or {"grid": {paths[0]: some(paths[0])}}


def shuffled(draw: st.DrawFn, value: Any, key: str = "") -> Any:
    """Put the keys of all maps, the values of a grid's axes, and conditions in another order."""
    if isinstance(value, dict):
        items = draw(st.permutations(list(value.items())))
        if key == "zip":
            order = draw(st.permutations(range(len(next(iter(value.values()))))))
            return {path: [values[number] for number in order] for path, values in items}
        return {name: shuffled(draw, one, "axis" if key == "grid" else name) for name, one in items}
    return draw(st.permutations(value)) if key in {"axis", "exclude", "when"} else value
