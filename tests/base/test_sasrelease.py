"""The release of SAS as it is written in files, names of folders and what sasversion prints."""

from __future__ import annotations

import pytest

from xbatch.base.sasrelease import NEWEST, number_of, printed_number, release_of


@pytest.mark.parametrize(
    ("text", "number", "release"),
    [
        ("17.0.0", "17.0.0", (17, 0)),
        ("xmmsas_20180620_1732-17.0.0\n", "17.0.0", (17, 0)),
        ("xmmsas_20190531_1155-18.0.0", "18.0.0", (18, 0)),
        ("19.1", "19.1", (19, 1)),
        ("xmmsas_20211130_0941-20.0.0", "20.0.0", (20, 0)),
        ("sas_20.0.0-macOS-11.6", "20.0.0", (20, 0)),
        ("sas-macOS-11.6-20.0.0", "20.0.0", (20, 0)),
        ("xmmsas_20230412_1735-21.0.0", "21.0.0", (21, 0)),
        ("v21.1.0", "21.1.0", (21, 1)),
        ("22.0.0-9173c7d25-20250127", "22.0.0", (22, 0)),
        ("xmmsas_22.1.0-a8f2c2afa-20250304", "22.1.0", (22, 1)),
        ("SAS 22.1.0", "22.1.0", (22, 1)),
        ("23.10.2", "23.10.2", (23, 10)),
        # the folder of a build does not tell it, nor do other words
        ("xmmsas_20230412_1735", "", NEWEST),
        ("sas", "", NEWEST),
        ("", "", NEWEST),
        ("?", "", NEWEST),
        ("1.2.3.4", "", NEWEST),
    ],
)
def test_of_names(text: str, number: str, release: tuple[int, int]) -> None:
    assert number_of(text) == number
    assert release_of(text) == release


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("sasversion:- SAS release: xmmsas_20230412_1735-21.0.0\n\nSAS_DIR = /opt/sas-18.0.0\n", "21.0.0"),
        ("SAS release  : xmmsas_20230412_1735\nSAS AKA      : 21.0.0\npySAS version: 2.5.3\n", "21.0.0"),
        ("SAS release  : 22.1.0-a8f2c2afa-20250304\nSAS AKA      : 22.1.0\npySAS version: 2.5.3\n", "22.1.0"),
        ("sasversion (sasversion-1.3) [xmmsas_20190531_1155-18.0.0]", "18.0.0"),
        ("sasversion (sasversion-1.6) [22.0.0-9173c7d25-20250127]", "22.0.0"),
        ("Platform: Ubuntu22.04\nperl 5.30.0\n", ""),
        ("", ""),
    ],
)
def test_of_what_is_printed(text: str, number: str) -> None:
    assert printed_number(text) == number
