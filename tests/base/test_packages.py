"""Tests of what is told of installed packages."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest

from xbatch.base.packages import installed


def test_as_the_metadata_say() -> None:
    found = installed()
    told = {re.sub(r"[-_.]+", "-", each.name).lower(): each.version for each in metadata.distributions()}
    assert {name: found.get(name) for name in ("numpy", "pytest", "pyyaml")} == {
        name: told[name] for name in ("numpy", "pytest", "pyyaml")
    }
    assert list(found) == sorted(found)


def test_the_first_folder_on_the_path_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, name in (
        ("a", "Some_Thing-1.2+local.dist-info"),
        ("b", "some_thing-2.0.dist-info"),
        ("b", "Old.one-0.3-py3.11.egg-info"),
    ):
        (tmp_path / folder / name).mkdir(parents=True)
    monkeypatch.setattr("sys.path", ["", str(tmp_path / "none"), str(tmp_path / "a"), str(tmp_path / "b")])
    assert installed() == {"old-one": "0.3", "some-thing": "1.2+local"}
