"""The ``regions`` block: shapes on the sky or on pixels, settled for each observation and instrument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from xbatch.base.errors import Place
from xbatch.spec.eventmodel import Region
from xbatch.spec.model import Subject
from xbatch.spec.nodes import Broken, Items, Node, Scalar, Table, is_sound, join, text_of
from xbatch.spec.observed import Sky, observed_file, sound_template
from xbatch.spec.positions import PIXEL_FRAMES
from xbatch.spec.report import Report, did_you_mean, shown
from xbatch.spec.schema import Schema
from xbatch.spec.selectors import exceptions
from xbatch.spec.shape import check_part
from xbatch.spec.shapes import Anchor, anchor_of, shape_params

__all__ = ["Regions", "find_regions"]

_WHOLE = ("shape", "shapes", "file")
_PLACING = ("center", "frame", "exclude", "combine")
_WORDS = ("target", "none", "pipeline")


@dataclass
class Regions:
    """The regions of a spec.

    Attributes
    ----------
    settled : Mapping of str to Mapping of Subject to Table
        What the spec says of each region, by observation and instrument; nothing where its definition is at fault.
    names : frozenset of str
        All names, with those whose definition is at fault.
    """

    schema: Schema
    sky: Sky
    report: Report
    notes: Report
    target: Anchor | None = None
    settled: Mapping[str, Mapping[Subject, Table]] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    _made: dict[tuple[int, str], tuple[Table, Region | None]] = field(default_factory=dict)
    _circled: set[str] = field(default_factory=set)

    def known(self, node: Node | None, name: str) -> bool:
        """Say whether a region of this name is there, and report it if not."""
        if name in self.names:
            return True
        if node is not None:
            self.report.add(node, "XB103", f"unknown region {shown(name)}", did_you_mean(name, sorted(self.names)))
        return False

    def at(self, name: str, subject: Subject) -> Region | None:
        """Give a region as it is for one observation and instrument; None where it is at fault."""
        table = self.settled.get(name, {}).get(subject)
        return self._region(name, table, subject, ()) if table is not None else None

    def varied(self, name: str, label: str, changes: Mapping[str, Node], subject: Subject, path: str) -> Region | None:
        """Give a region under another name with some values changed."""
        table = self.settled.get(name, {}).get(subject)
        if table is None:
            return None
        for key, node in changes.items():
            table = table.with_entry(key, node, node.place)
        checked = check_part(table, "region", self.schema, self.report, path)
        if not isinstance(checked, Table) or not is_sound(checked):
            return None
        quiet = replace(self, notes=Report())  # what is odd has been said of the region itself
        made = quiet._region(name, checked, subject, ())
        return replace(made, name=label, path=path) if made is not None else None

    def _region(self, name: str, table: Table, subject: Subject, chain: tuple[str, ...]) -> Region | None:
        file = observed_file(table.entries.get("file"), subject, self.sky.base)
        rule = text_of(table.entries.get("combine"))
        if file is not None:
            return Region(name, {"file": file.name, "combine": rule}, file, table.path)
        about = subject.obsid + "/" + subject.instrument if self._refers(table) else ""
        key = (id(table), about)
        if key not in self._made:
            shapes = self._shapes(table, subject, (*chain, name))
            region = None if shapes is None else Region(name, {"shapes": shapes, "combine": rule}, None, table.path)
            if region is not None and rule is None and len({bool(one["include"]) for one in shapes or ()}) == 2:
                region = self._ordered(table, region)
            self._made[key] = (table, region)
        return self._made[key][1]

    def _ordered(self, table: Table, region: Region) -> Region | None:
        if region.params["shapes"][0]["include"]:
            return region
        message = f"'{region.name}' begins with an exclude and also includes, which programs read differently"
        hint = "put the includes first, or say combine: exclude-last, file-order or extractor"
        self.report.add(table.entries["shapes"], "XB227", message, hint)
        return None

    def _refers(self, table: Table) -> bool:
        """Say whether something in a region hangs on another one, which may differ by observation."""
        shapes = table.entries.get("shapes")
        tables = shapes.items if isinstance(shapes, Items) else (table,)
        return any(isinstance(one, Table) and text_of(one.entries.get("center")) is not None for one in tables)

    def _shapes(self, table: Table, subject: Subject, chain: tuple[str, ...]) -> list[Mapping[str, object]] | None:
        listed = table.entries.get("shapes")
        tables = listed.items if isinstance(listed, Items) else (table,)
        made: list[Mapping[str, object]] = []
        for one in tables:
            if not isinstance(one, Table) or (listed is not None and not self._is_shape(one)):
                return None
            anchor = self._anchor(one, subject, chain)
            params = shape_params(one, anchor, self.report, self.notes) if anchor is not None else None
            if params is None:
                return None
            made.append(params)
        return made

    def _is_shape(self, table: Table) -> bool:
        """Check that a member of a list is a shape and nothing more."""
        odd = [key for key in ("file", "shapes", "for", "combine") if key in table.entries]
        if "shape" in table.entries and not odd:
            return True
        message = "a member of 'shapes' is one shape"
        hint = "remove it" if {"file", "shapes"} & set(odd) else "write it beside 'shapes'"
        if odd:
            self.report.add(table.key_place(odd[0]), "XB224", f"{message}, without '{odd[0]}'", hint)
        else:
            self.report.add(table, "XB224", message, "for example {shape: circle, center: target, radius: 50 arcsec}")
        return False

    def _anchor(self, table: Table, subject: Subject, chain: tuple[str, ...]) -> Anchor | None:
        """Find where a shape is centred, and in which frame; a polygon has a frame alone."""
        center, frame = table.entries.get("center"), text_of(table.entries.get("frame"))
        name = text_of(center)
        if center is None or name is None:
            return anchor_of(center, frame or "icrs", self.report)
        found = self._named(center, name, subject, chain)
        if found is not None and frame is not None and frame != found.frame:
            message = f"the center is that of '{name}', in frame {found.frame}, and the frame here is {frame}"
            self.report.add(table.entries["frame"], "XB216", message, "remove 'frame', or write the center out")
            return None
        return found

    def _named(self, node: Node, name: str, subject: Subject, chain: tuple[str, ...]) -> Anchor | None:
        if name == "target":
            if self.target is None:
                message = "the center is the target, and its position is not known"
                hint = 'add target: {name: ..., position: ["14:13:14.9", "-03:12:27.3"]}'
                self.report.add(node, "XB103", message, hint)
            return self.target
        if name in chain:
            circle = chain[chain.index(name) :]
            if not self._circled.intersection(circle):
                names = " -> ".join((*circle, name))
                self.report.add(node, "XB122", f"centers form a circle: {names}", "write one of them out")
            self._circled.update(circle)
            return None
        if name not in self.names:
            if name[:1].isalpha():
                hint = did_you_mean(name, ["target", *sorted(self.names)])
                self.report.add(node, "XB103", f"unknown region {shown(name)}", hint)
            else:
                hint = 'write two members: center: ["21:27:44.9", "+56:56:40"]'
                self.report.add(node, "XB223", f"{shown(name)} is neither a position nor a region's name", hint)
            return None
        table = self.settled.get(name, {}).get(subject)
        if table is None:
            return None
        if "center" not in table.entries:
            message = f"the region '{name}' has no center: it is {_kind(table)}"
            self.report.add(node, "XB224", message, "write the center out")
            return None
        return self._anchor(table, subject, (*chain, name))

    def check_pixels(self, name: str, subjects: Sequence[Subject]) -> None:
        """Refuse a region in pixels that serves several observations, each of which has its own."""
        seen: dict[str, str] = {}
        for subject in subjects:
            region = self.at(name, subject)
            if region is None or region.file is not None:
                continue
            if any(shape["frame"] in PIXEL_FRAMES for shape in region.params["shapes"]):
                table = self.settled[name][subject]
                where = str(table.place)
                if seen.setdefault(where, subject.obsid) != subject.obsid:
                    message = f"'{name}' is in pixels and serves both {seen[where]} and {subject.obsid}"
                    hint = "write it in coordinates of the sky, or give each observation its own by 'for'"
                    self.report.add(table, "XB225", message, hint, join("regions", name))
                    return


def _kind(table: Table) -> str:
    return "a file" if "file" in table.entries else f"a {text_of(table.entries.get('shape')) or 'list of shapes'}"


def find_regions(root: Table, sky: Sky, schema: Schema, report: Report, notes: Report) -> Regions:
    """Settle the regions of a checked document, and check every one of them for every observation."""
    target = root.entries.get("target")
    position = target.entries.get("position") if isinstance(target, Table) else None
    frame = text_of(target.entries.get("frame")) if isinstance(target, Table) else None
    anchor = anchor_of(position, frame or "icrs", report) if isinstance(position, Items) else None
    found = Regions(schema, sky, report, notes, anchor)
    table = root.entries.get("regions")
    if not isinstance(table, Table):
        return found
    found.names = frozenset(table.entries)
    settled: dict[str, Mapping[Subject, Table]] = {}
    for name, node in table.entries.items():
        if name.casefold() in _WORDS:
            message = f"a region cannot be called {shown(name)}, which means something else where regions are named"
            report.add(table.key_place(name), "XB206", message, "rename it", join("regions", name))
        elif isinstance(node, Table):
            settled[name] = _settled(node, table.key_place(name), sky, schema, report)
    found.settled = settled
    for name, by_subject in settled.items():
        for subject in by_subject:
            found.at(name, subject)
    return found


def _settled(node: Table, at: Place, sky: Sky, schema: Schema, report: Report) -> dict[Subject, Table]:
    if not any(key in node.entries for key in _WHOLE):
        if is_sound(node):
            message = f"{node.path} has neither a shape nor a file"
            report.add(at, "XB224", message, "add shape: circle, or file: NAME.reg, or shapes: [...]", node.path)
        return {}
    listed = node.entries.get("for")
    tables = [node, *(listed.items if isinstance(listed, Items) else ())]
    sound = [_sound_file(one.entries.get("file"), sky, report) for one in tables if isinstance(one, Table)]
    if not all(sound):
        return {}
    settled = exceptions(node, sky.subjects, report if sky.whole else Report(), _laid)
    plain = next(iter(exceptions(node.without("for"), sky.subjects[:1], report).values()), None)
    checked: dict[int, Node] = {}
    result: dict[Subject, Table] = {}
    for subject, table in settled.items():
        if plain is None or table.entries != plain.entries:
            if id(table) not in checked:
                checked[id(table)] = check_part(table, "region", schema, report, node.path)
            part = checked[id(table)]
        else:
            part = plain
        if isinstance(part, Table) and is_sound(part):
            result[subject] = part
    return result


def _sound_file(node: Node | None, sky: Sky, report: Report) -> bool:
    if node is not None and text_of(node) == "none":
        report.add(node, "XB208", "a region needs a file", "name a region file; 'none' is said where a region is used")
        return False
    return sound_template(node, sky, report)


def _laid(base: Table, changes: Table) -> Table:
    """Lay an exception over a region: one that names another kind of region replaces it, but for where it is."""
    said = {key: node for key, node in changes.entries.items() if not _is_nothing(node)}
    kept = base.entries
    if text_of(said.get("center")) is not None:
        kept = {key: node for key, node in kept.items() if key != "frame"}
    if "file" in said or "shapes" in said or ("shape" in said and "shape" not in base.entries):
        kept = {}
    elif "shape" in said:
        stays = _PLACING if text_of(said["shape"]) != "polygon" else _PLACING[1:]
        kept = {key: node for key, node in kept.items() if key in stays}
    keys = {**base.keys, **changes.keys}
    return replace(base, entries={**kept, **said}, keys=keys, place=changes.place)


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Broken) or (isinstance(node, Scalar) and node.value is None)
