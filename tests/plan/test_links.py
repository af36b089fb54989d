from __future__ import annotations

import errno
import gzip
from pathlib import Path

import pytest

from tests.plan.worlds import analysis_of, files_of, observation, spec_of, subject, write_pha_header
from xbatch.plan.links import follow


def analysis():
    return analysis_of(({}, spec_of([], [])))


def test_the_headers_files_are_found_beside_the_spectrum(tmp_path: Path) -> None:
    observation(tmp_path)
    links, problems = follow(files_of(subject(), tmp_path), analysis())
    assert problems == []
    assert links is not None
    assert (links.response, links.arf, links.background) == tuple(
        tmp_path / name for name in ("r.rmf", "01A.arf", "01A_bk.pha")
    )


def test_a_gzipped_file_answers_for_the_plain_name(tmp_path: Path) -> None:
    observation(tmp_path)
    rmf = tmp_path / "r.rmf"
    (tmp_path / "r.rmf.gz").write_bytes(gzip.compress(rmf.read_bytes()))
    rmf.unlink()
    links, problems = follow(files_of(subject(), tmp_path), analysis())
    assert problems == []
    assert links is not None
    assert links.response == tmp_path / "r.rmf.gz"


def test_the_spec_overrides_the_header_and_none_means_none(tmp_path: Path) -> None:
    observation(tmp_path, RESPFILE="absent.rmf")
    other = write_pha_header(tmp_path / "other.rmf")
    links, problems = follow(files_of(subject(), tmp_path, response=other, background="none"), analysis())
    assert problems == []
    assert links is not None
    assert links.response == other
    assert links.background is None


def test_match_and_none_in_a_header_name_no_file(tmp_path: Path) -> None:
    observation(tmp_path, RESPFILE="%match%", BACKFILE="none", ANCRFILE="")
    links, problems = follow(files_of(subject(), tmp_path), analysis())
    assert problems == []
    assert links is not None
    assert (links.response, links.arf, links.background) == (None, None, None)


def test_all_that_is_missing_is_said_with_its_keyword_and_cure(tmp_path: Path) -> None:
    observation(tmp_path)
    (tmp_path / "01A_bk.pha").unlink()
    (tmp_path / "r.rmf").unlink()
    _, problems = follow(files_of(subject(), tmp_path), analysis())
    texts = [str(problem) for problem in problems]
    assert [problem.code for problem in problems] == ["XB402", "XB402"]
    assert "RESPFILE" in texts[0] and "'r.rmf'" in texts[0] and "response: FILE" in texts[0]
    assert "BACKFILE" in texts[1] and "background: none" in texts[1]
    assert texts[0].startswith("a.yaml:7:3: XB402 ")


def test_a_missing_spectrum_gets_the_nearest_name(tmp_path: Path) -> None:
    write_pha_header(tmp_path / "01A_src.pha")
    links, (problem,) = follow(files_of(subject(), tmp_path), analysis())
    assert links is None
    assert problem.code == "XB401"
    assert problem.hint == "did you mean '01A_src.pha'?"


def test_a_missing_folder_is_named_with_the_cure(tmp_path: Path) -> None:
    _, (problem,) = follow(files_of(subject(), tmp_path / "nowhere" / "deep"), analysis())
    assert f"no folder {tmp_path / 'nowhere'}" in problem.message
    assert "data.root" in problem.hint


def test_a_spectrum_that_is_not_fits_is_left_to_its_step(tmp_path: Path) -> None:
    (tmp_path / "01A_sr.pha").write_text("no FITS")
    links, problems = follow(files_of(subject(), tmp_path), analysis())
    assert problems == []
    assert links is not None
    assert links.unreadable


@pytest.mark.parametrize("method", ["is_file", "iterdir"])
def test_a_folder_that_may_not_be_read_is_named_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Older Pythons raise where a file is looked for, newer ones only where the folder is listed."""

    def refuse(path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(path / "x" if method == "iterdir" else path))

    monkeypatch.setattr(Path, method, refuse)
    links, (problem,) = follow(files_of(subject(), tmp_path), analysis())
    assert links is None
    assert f"folder {tmp_path} cannot be read" in problem.message
    assert "permission" in problem.hint
