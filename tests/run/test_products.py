from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.base.errors import FileError
from xbatch.run.products import Products, log_path, product_path
from xbatch.run.store import LOG


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return tmp_path / "run"


def entry(tmp_path: Path, key: str, *names: str) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path / "store" / key
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*names, LOG):
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_text(f"{key} {name}")
    return folder, {"key": key, "outputs": {name: {} for name in names}}


def files(run_dir: Path) -> set[str]:
    return {path.relative_to(run_dir).as_posix() for path in run_dir.rglob("*") if path.is_file()} - {"steps.json"}


def test_products_are_links_under_lasting_names(tmp_path: Path, run_dir: Path) -> None:
    products = Products(run_dir)
    folder, record = entry(tmp_path, "k1", "fit.json", "bins.ecsv")
    products.place("fit:a", "fit/a", folder, record)
    products.save()
    assert files(run_dir) == {"products/fit/a/fit.json", "products/fit/a/bins.ecsv", "logs/fit.a.log"}
    assert (run_dir / "products/fit/a/fit.json").samefile(folder / "fit.json")
    assert Products(run_dir).last_key("fit:a") == "k1"
    assert Products(run_dir).last_key("fit:b") is None


def test_an_entry_that_is_being_replaced_is_waited_for(
    tmp_path: Path, run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, record = entry(tmp_path, "k1", "a")
    away = folder.rename(tmp_path / "away")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            away.rename(folder)

    monkeypatch.setattr("xbatch.run.products.time.sleep", pause)
    Products(run_dir).place("fit:a", "fit/a", folder, record)
    assert (run_dir / "products/fit/a/a").samefile(folder / "a")
    assert len(pauses) == 2
    folder.rename(away)
    with pytest.raises(FileError, match="cannot be written: No such file"):
        Products(run_dir).place("fit:b", "fit/b", folder, record)
    assert len(pauses) == 5
    assert not list(run_dir.glob(".*.part"))


def test_a_new_result_takes_the_place_of_the_old(tmp_path: Path, run_dir: Path) -> None:
    Products(run_dir).place("fit:a", "fit/a", *entry(tmp_path, "k1", "a", "b"))
    products = Products(run_dir)
    products.place("fit:a", "fit/a", *entry(tmp_path, "k1", "a", "b"))
    products.place("fit:a", "fit/a", *entry(tmp_path, "k2", "a"))
    assert files(run_dir) == {"products/fit/a/a", "logs/fit.a.log"}
    assert (run_dir / "products/fit/a/a").read_text() == "k2 a"
    assert (run_dir / "logs/fit.a.log").read_text() == f"k2 {LOG}"


def test_an_entry_made_anew_under_the_same_key_is_placed_anew(tmp_path: Path, run_dir: Path) -> None:
    products = Products(run_dir)
    products.place("fit:a", "fit/a", *entry(tmp_path, "k1", "a"))
    folder, record = entry(tmp_path, "k1", "a")
    products.place("fit:a", "fit/a", folder, record, fresh=True)
    assert (run_dir / "products/fit/a/a").samefile(folder / "a")


def test_a_product_changed_by_hand_is_put_right(tmp_path: Path, run_dir: Path) -> None:
    products = Products(run_dir)
    folder, record = entry(tmp_path, "k1", "a")
    products.place("fit:a", "fit/a", folder, record)
    (run_dir / "products/fit/a/a").unlink()
    (run_dir / "products/fit/a/a").write_text("mine")
    products.place("fit:a", "fit/a", folder, record)
    assert (run_dir / "products/fit/a/a").read_text() == "k1 a"
    assert (folder / "a").read_text() == "k1 a"


def test_steps_that_are_no_longer_in_the_plan_lose_only_what_was_placed(tmp_path: Path, run_dir: Path) -> None:
    products = Products(run_dir)
    products.place("fit:a", "fit/a", *entry(tmp_path, "k1", "a", "b"))
    products.place("fit:b", "fit/b", *entry(tmp_path, "k2", "a"))
    products.save()
    (run_dir / "products/fit/a/notes.txt").write_text("mine")
    (run_dir / "products/fit/a/b").unlink()
    (run_dir / "products/fit/a/b").write_text("mine, too")
    products = Products(run_dir)
    products.forget_others(["fit:c"])
    products.save()
    assert files(run_dir) == {"products/fit/a/notes.txt", "products/fit/a/b"}
    assert not (run_dir / "products/fit/b").exists()
    assert Products(run_dir).last_key("fit:b") is None


def test_a_failed_step_has_no_products_but_a_past(tmp_path: Path, run_dir: Path) -> None:
    products = Products(run_dir)
    products.place("fit:a", "fit/a", *entry(tmp_path, "k1", "a"))
    log_path(run_dir, "fit:a").unlink()
    log_path(run_dir, "fit:a").write_text("what went wrong")
    products.withdraw("fit:a")
    products.withdraw("fit:unknown")
    products.save()
    assert files(run_dir) == {"logs/fit.a.log"}
    assert Products(run_dir).last_key("fit:a") == "k1"


def test_where_there_can_be_no_links_there_are_copies(
    tmp_path: Path, run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", refuse)
    products = Products(run_dir)
    folder, record = entry(tmp_path, "k1", "a")
    products.place("fit:a", "fit/a", folder, record)
    assert (run_dir / "products/fit/a/a").read_text() == "k1 a"
    assert not (run_dir / "products/fit/a/a").samefile(folder / "a")


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path, run_dir: Path) -> None:
    (run_dir / "products").mkdir(parents=True)
    (run_dir / "products/fit").write_text("in the way")
    with pytest.raises(FileError, match="products/fit/a/a: cannot be written"):
        Products(run_dir).place("fit:a", "fit/a", *entry(tmp_path, "k1", "a"))


@pytest.mark.parametrize("content", ["", "[]", '{"steps": 1}', '{"steps": {"a": 1}}'])
def test_a_damaged_memory_is_forgotten(run_dir: Path, content: str) -> None:
    run_dir.mkdir()
    (run_dir / "steps.json").write_text(content)
    assert Products(run_dir).last_key("a") is None


@pytest.mark.parametrize("product", ["", "/etc", "a/../../b"])
def test_products_stay_in_the_run(run_dir: Path, product: str) -> None:
    with pytest.raises(ValueError, match="no folder for products"):
        product_path(run_dir, product)


NAMES = st.from_regex(r"[a-z]{1,8}:[A-Za-z0-9@=_+%. ,:é-]{1,40}(/[A-Za-z0-9+%:-]{1,8})*", fullmatch=True)


@given(NAMES, NAMES)
def test_no_two_steps_share_a_log(one: str, two: str) -> None:
    first, second = (log_path(Path("run"), name) for name in (one, two))
    assert (first == second) == (one == two)
    assert first.parent == Path("run/logs")


def test_log_names_are_readable_and_never_too_long() -> None:
    assert log_path(Path("run"), "spectrum:30001002003/FPMB/NE").name == "spectrum.30001002003+FPMB+NE.log"
    assert len(log_path(Path("run"), "fit:" + 500 * "x").name) < 255
    assert log_path(Path("run"), "fit:" + 500 * "x" + "a") != log_path(Path("run"), "fit:" + 500 * "x" + "b")
