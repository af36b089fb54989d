"""Regions as text."""

from __future__ import annotations

from typing import Any

import pytest

from xbatch.commands.ds9 import region_text


def _shape(shape: str = "circle", **changed: Any) -> dict[str, Any]:
    plain = {
        "shape": shape,
        "frame": "icrs",
        "center": [187.27791667, 2.0523889],
        "sizes": [150.0],
        "angle": 0.0,
        "sweep": None,
        "vertices": None,
        "include": True,
    }
    return plain | changed


def test_the_system_is_named() -> None:
    assert region_text([_shape()]) == (
        '# Region file format: DS9 version 4.1\nfk5\ncircle(187.27791667,2.0523889,150")\n'
    )
    assert 'fk5\nannulus(187.27791667,2.0523889,180",300")' in region_text([_shape("annulus", sizes=[180.0, 300.0])])


def test_all_shapes() -> None:
    vertices = [[10.0, -3.5], [10.1, -3.5], [10.05, -3.4]]
    pixels = {"frame": "physical", "center": [500.0, 499.5]}
    text = region_text(
        [
            _shape("polygon", vertices=vertices, center=None, sizes=[]),
            _shape("ellipse", sizes=[30.0, 60.5], angle=12.5),
            _shape("panda", sizes=[10.0, 20.0], sweep=[0.0, 90.0]),
            _shape("point", sizes=[]),
            _shape("box", sizes=[20.0, 10.0], angle=0.0, **pixels),
            _shape("circle", sizes=[5.0], include=False, **pixels),
        ]
    )
    assert text.splitlines()[1:] == [
        "fk5",
        "polygon(10,-3.5,10.1,-3.5,10.05,-3.4)",
        'ellipse(187.27791667,2.0523889,30",60.5",12.5)',
        'panda(187.27791667,2.0523889,0,90,1,10",20",1)',
        "point(187.27791667,2.0523889)",
        "physical",
        "box(500,499.5,20,10,0)",
        "-circle(500,499.5,5)",
    ]


def test_excludes_last() -> None:
    shapes = [_shape(include=False, sizes=[10.0]), _shape()]
    assert region_text(shapes).splitlines()[2].startswith("-circle")
    assert region_text(shapes, "exclude-last").splitlines()[2].startswith("circle")


def test_what_tools_cannot_read_is_refused() -> None:
    with pytest.raises(ValueError, match="not in galactic"):
        region_text([_shape(frame="galactic")])
    with pytest.raises(ValueError, match="at least one"):
        region_text([])
