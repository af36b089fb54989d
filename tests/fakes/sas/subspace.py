"""The data subspace of a file: what its events were selected by, in keywords (DSTYPn, DSVALn, DSREFn) and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.fakes.sas.expression import And, Compare, Good, Node, Not, Or, Range, Shape
from tests.fakes.sas.fitsfile import Hdu, find, named, read, table
from xbatch.ogip.fitswriter import Card
from xbatch.xray.gti import intersection

__all__ = [
    "Subspace",
    "Term",
    "gti_table",
    "intervals",
    "narrowed",
    "region_of",
    "region_table",
    "regions_of",
    "terms_of",
]

_CARD = re.compile(r"(\d*)DS(TYP|UNI|VAL|REF|FORM)(\d+)\Z")
_UNITS = {"PI": "eV", "TIME": "s"}
#: Shapes of one component: each with whether it includes.
Component = list[tuple[Shape, bool]]


@dataclass
class Term:
    """A dimension: its name, and for each component (a CCD, from 1) a value and the table it refers to."""

    name: str
    values: dict[int, str] = field(default_factory=dict)
    references: dict[int, str] = field(default_factory=dict)
    unit: str = ""
    form: str = ""


@dataclass
class Subspace:
    """The terms in order; the tables they refer to stand in the same file."""

    terms: list[Term]

    @classmethod
    def of(cls, hdu: Hdu) -> Subspace:
        terms: dict[int, Term] = {}
        for card, value in hdu.header.items():
            match = _CARD.match(card)
            if match is None:
                continue
            component, term = int(match[1] or 1), terms.setdefault(int(match[3]), Term(""))
            text = str(value).strip()
            if match[2] == "TYP":
                term.name = text
            elif match[2] == "UNI":
                term.unit = text
            elif match[2] == "FORM":
                term.form = text
            elif match[2] == "VAL":
                term.values[component] = text
            else:
                term.references[component] = text.lstrip(":")
        return cls([terms[number] for number in sorted(terms)])

    def find(self, name: str) -> Term | None:
        return next((term for term in self.terms if term.name == name), None)

    def put(self, hdu: Hdu) -> None:
        """Write the keywords into a header, in the place of those there."""
        hdu.remove(*(card[:8].rstrip() for card in hdu.cards if _CARD.match(card[:8].rstrip())))
        cards: list[Card] = []
        for number, term in enumerate(self.terms, 1):
            cards.append(Card(f"DSTYP{number}", term.name, "data subspace descriptor: name"))
            cards += [Card(f"DSUNI{number}", term.unit, "data subspace descriptor: units")] if term.unit else []
            cards += [Card(f"DSFORM{number}", term.form, "data subspace descriptor: data type")] if term.form else []
        for component in sorted({key for term in self.terms for key in (*term.values, *term.references)}):
            prefix = "" if component == 1 else str(component)
            for number, term in enumerate(self.terms, 1):
                for kind, texts, mark in (("VAL", term.values, ""), ("REF", term.references, ":")):
                    if component in texts:
                        cards.append(
                            Card(f"{prefix}DS{kind}{number}", mark + texts[component], "data subspace descriptor")
                        )
        hdu.add(cards)


def terms_of(node: Node) -> tuple[list[Term], list[Good], list[Component]]:
    """Take an expression apart: plain terms, good times, and the regions; what fits nowhere is left out."""
    plain: list[Term] = []
    good: list[Good] = []
    shapes: list[Node] = []
    for part in _flat(node):
        if isinstance(part, Good):
            good.append(part)
        elif _only_shapes(part):
            shapes.append(part)
        elif isinstance(part, Range):
            marks = "" if part.brackets == "[]" else part.brackets.replace("[", "").replace("]", "")
            text = f"{_shown(part.low)}:{_shown(part.high)}"
            plain.append(Term(part.name, {1: f"({text})" if marks else text}, unit=_UNITS.get(part.name, "")))
        elif isinstance(part, Compare) and part.name:
            plain.append(_compared(part))
    components = _components(And(tuple(shapes)), False) if shapes else []
    return [term for term in plain if term.name], good, components


def _flat(node: Node) -> Iterable[Node]:
    if isinstance(node, And):
        for part in node.parts:
            yield from _flat(part)
    else:
        yield node


def _only_shapes(node: Node) -> bool:
    if isinstance(node, (And, Or)):
        return all(_only_shapes(part) for part in node.parts)
    return _only_shapes(node.part) if isinstance(node, Not) else isinstance(node, Shape)


def _components(node: Node, negated: bool) -> list[Component]:
    """Give a region as an "or" of components, each an "and" of shapes."""
    if isinstance(node, Not):
        return _components(node.part, not negated)
    if isinstance(node, Shape):
        return [[(node, not negated)]]
    assert isinstance(node, (And, Or))
    parts = [_components(part, negated) for part in node.parts]
    if isinstance(node, Or) != negated:
        return [component for part in parts for component in part]
    joined: list[Component] = [[]]
    for part in parts:
        joined = [before + component for before in joined for component in part]
    return joined


def _compared(part: Compare) -> Term:
    if part.bits >= 0:
        if part.word != "==" or part.number:
            return Term("")
        bits = "".join("0" if part.bits >> bit & 1 else "x" for bit in range(31, -1, -1))
        return Term(part.name, {1: f"b{bits}"}, form="X")
    number = _shown(part.number)
    text = {"==": number, "<=": f":{number}", "<": f":{number})", ">=": f"{number}:", ">": f"({number}:"}.get(part.word)
    return Term(part.name if text else "", {1: text or ""}, unit=_UNITS.get(part.name, ""))


def _shown(number: float) -> str:
    return "" if not np.isfinite(number) else f"{number:.10g}"


def intervals(hdus: Sequence[Hdu], component: int) -> NDArray[np.float64] | None:
    """Give the good times of a CCD: those its events were selected by, else those of the instrument."""
    events = next((hdu for hdu in hdus if any(card.startswith("DSTYP1") for card in hdu.cards)), None)
    term = Subspace.of(events).find("TIME") if events is not None else None
    name = term.references.get(component, "") if term is not None else ""
    found = named(hdus, name or f"STDGTI{component:02d}")
    if found is None:
        return None
    rows = found.rows
    return np.stack([rows["START"], rows["STOP"]], axis=1).astype(np.float64).reshape(-1, 2)


def gti_table(name: str, gti: NDArray[np.float64], cards: Sequence[Card] = ()) -> Hdu:
    kind = [Card("HDUCLASS", "OGIP"), Card("HDUCLAS1", "GTI"), Card("HDUCLAS2", "STANDARD")]
    return table(name, [("START", "s", gti[:, 0].copy()), ("STOP", "s", gti[:, 1].copy())], [*kind, *cards])


def narrowed(hdus: Sequence[Hdu], ccds: Iterable[int], good: NDArray[np.float64]) -> dict[int, NDArray[np.float64]]:
    """Give the good times of each CCD within others."""
    found = {ccd: intervals(hdus, ccd) for ccd in ccds}
    return {ccd: np.asarray(intersection(gti, good)).reshape(-1, 2) for ccd, gti in found.items() if gti is not None}


def region_table(name: str, components: Sequence[Component]) -> Hdu:
    """Write regions as a table of the ASC convention; cells that a shape has no number for are not numbers."""
    rows = [(number, shape, include) for number, part in enumerate(components, 1) for shape, include in part]
    size = max([2, *(len(shape.numbers) // 2 for _, shape, _ in rows if shape.kind == "polygon")])
    cells = {
        key: np.full((len(rows), size if key in "XY" else 2), np.nan, np.float32) for key in ("X", "Y", "R", "ROTANG")
    }
    for at, (_, shape, _) in enumerate(rows):
        if shape.kind == "polygon":
            count = len(shape.numbers) // 2
            cells["X"][at, :count], cells["Y"][at, :count] = shape.numbers[::2], shape.numbers[1::2]
            continue
        cells["X"][at, 0], cells["Y"][at, 0] = shape.numbers[:2]
        angles = shape.kind in ("pie", "sector")
        sizes = () if angles else shape.numbers[2:4]
        cells["R"][at, : len(sizes)] = sizes
        turned = shape.numbers[2:4] if angles else shape.numbers[4:5]
        cells["ROTANG"][at, : len(turned)] = turned
    words = [("" if include else "!") + shape.kind.upper() for _, shape, include in rows]
    columns = [
        ("SHAPE", "", np.array(words, "S16")),
        *((key, "", cells[key]) for key in ("X", "Y", "R", "ROTANG")),
        ("COMPONENT", "", np.array([number for number, _, _ in rows], np.int16)),
    ]
    kind = [Card("HDUCLASS", "ASC"), Card("HDUCLAS1", "REGION"), Card("HDUCLAS2", "STANDARD"), Card("MTYPE1", "pos")]
    return table(name, columns, [*kind, Card("MFORM1", ",".join(rows[0][1].axes) if rows else "X,Y")])


def regions_of(hdus: Sequence[Hdu], hdu: Hdu) -> list[tuple[str, list[Component]]]:
    """Read the regions that a table's rows were selected by: the axes and components of each ``POS(...)`` term."""
    found: list[tuple[str, list[Component]]] = []
    for term in Subspace.of(hdu).terms:
        tables = [named(hdus, reference) for reference in term.references.values()]
        if not term.name.startswith("POS(") or not tables or tables[0] is None:
            continue
        axes = (term.name[4:].partition(",")[0], term.name.partition(",")[2].rstrip(")"))
        found.append((term.name, _components_of(tables[0], axes)))
    return found


def region_of(path: Path, block: str, axes: tuple[str, str]) -> list[Component]:
    """Read the region in a block of a file."""
    return _components_of(find(read(path), block, path), axes)


def _components_of(hdu: Hdu, axes: tuple[str, str]) -> list[Component]:
    components: dict[int, Component] = {}
    for row in hdu.rows:
        word = row["SHAPE"].decode().strip()
        shape = _shape(word.lstrip("!").lower(), axes, row)
        components.setdefault(int(row["COMPONENT"]), []).append((shape, not word.startswith("!")))
    return list(components.values())


def _shape(kind: str, axes: tuple[str, str], row: NDArray[np.void]) -> Shape:
    x, y, sizes, angles = (
        [float(number) for number in row[key] if np.isfinite(number)] for key in ("X", "Y", "R", "ROTANG")
    )
    if kind == "polygon":
        return Shape(axes, kind, tuple(number for pair in zip(x, y, strict=True) for number in pair))
    return Shape(axes, kind, (x[0], y[0], *sizes, *angles))
