"""The release of HEASoft."""

from __future__ import annotations

import pytest

from xbatch.base.heasoftrelease import NEWEST, release_of


@pytest.mark.parametrize(
    ("version", "release"),
    [("6.20", (6, 20)), ("6.35.1", (6, 35)), ("6.28", (6, 28)), ("7.0", (7, 0)), ("", NEWEST), ("unknown", NEWEST)],
)
def test_releases(version: str, release: tuple[int, int]) -> None:
    assert release_of(version) == release


def test_releases_are_in_their_order() -> None:
    versions = ["6.9", "6.19", "6.20", "6.27.2", "6.28", "6.36", "7.1"]
    assert sorted(versions, key=release_of) == versions
