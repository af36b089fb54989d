"""What is kept, looked after by commands: verify, clean, unlock."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest

from tests.end_to_end.world import Desk
from xbatch.plan.keys import RECIPE
from xbatch.run.lock import hold


def test_a_changed_product_is_named_and_comes_back(finished: Desk) -> None:
    store = finished.folder / "out" / ".store"
    said = finished.xbatch("verify", finished.run_dir)
    assert said.status == 0, said.all
    assert said.out.endswith("products, all as they were made\n")
    product = finished.run_dir / "products/fits/pl/99900000001/fit.json"
    made = product.read_bytes()
    status = product.stat()
    product.chmod(0o644)
    product.write_bytes(made.replace(b"PhoIndex", b"PhoIndeX"))
    os.utime(product, ns=(status.st_mtime_ns, status.st_mtime_ns))  # size and time tell nothing
    (finished.run_dir / "products/fits/pl/99900000002/fit.json").unlink()
    said = finished.xbatch("verify", finished.run_dir)
    assert said.status == 1
    assert "products/fits/pl/99900000001/fit.json (fit:pl/99900000001): fit.json has other bytes" in said.out
    assert "fit.json is missing" in said.out
    assert "2 damaged" in said.out and "--remove" in said.out
    said = finished.xbatch("verify", finished.run_dir, "--remove")
    assert said.status == 1
    assert (product.parent / "fit.json.damaged").is_file() and not product.exists()
    assert finished.run().status == 0
    assert product.read_bytes() == made
    assert finished.xbatch("verify", finished.run_dir).status == 0
    answer = json.loads(finished.xbatch("verify", store, "--json").out)
    assert answer["kind"] == "results" and answer["damaged"] == [] and answer["checked"] > 10


def test_a_damaged_result_is_set_aside_and_made_anew(finished: Desk) -> None:
    store = finished.folder / "out" / ".store"
    step = next(step for step in finished.manifest()["steps"] if step["task"] == "group")
    key = step["key"]
    (store / key[:2] / key / "grouped.pha").unlink()
    said = finished.xbatch("verify", store)
    assert said.status == 1
    assert f"{key[:2]}/{key} (group:" in said.out and "grouped.pha is missing" in said.out and "--remove" in said.out
    said = finished.xbatch("verify", store, "--remove")
    assert said.status == 1 and "1 set aside" in said.out
    assert finished.xbatch("verify", store).status == 0
    assert finished.run().status == 0
    assert [name for name, outcome in finished.outcomes().items() if outcome == "done"] == [step["name"]]


def test_clean_says_what_would_go_and_removes_it_when_told(finished: Desk) -> None:
    store = finished.folder / "out" / ".store"
    said = finished.xbatch("clean", store)
    assert said.status == 0
    assert "0 results, 0 B, would go" in said.out and "more stay because run folders refer to them" in said.out
    for note in (store / "runs").iterdir():
        note.unlink()  # the desk was copied from where it had run
    (finished.run_dir / "steps.json").unlink()
    before = sorted(store.glob("??/*/record.json"))
    answer = json.loads(finished.xbatch("clean", store, "--json").out)
    assert answer["dry_run"] and len(answer["entries"]) == len(before)
    assert sorted(store.glob("??/*/record.json")) == before
    said = finished.xbatch("clean", store, "--older-than", "1h", "--yes")
    assert "0 results, 0 B, are gone" in said.out
    said = finished.xbatch("clean", store, "--to", "10kB", "--yes")
    assert said.status == 0 and "are gone" in said.out
    assert sum(path.stat().st_size for path in store.glob("??/*/*")) <= 10_000
    assert finished.run().status == 0
    assert finished.xbatch("verify", finished.run_dir).status == 0
    kept = len(list(store.glob("??/*/record.json")))
    said = finished.xbatch("clean", store, "--drop-referenced", "--to", "0B", "--yes")
    assert f"{kept} results" in said.out and "also stand in run folders" in said.out
    assert finished.xbatch("verify", finished.run_dir).status == 0, "products stay in any case"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["clean", "{tmp}"], "is not a store"),
        (["clean", "{tmp}/none"], "is not there"),
        (["clean", "{store}", "--older-than", "30"], "'30' is no time: write a number and one of s, min, h, d, w"),
        (["clean", "{store}", "--to", "many"], "'many' is no size"),
        (["clean", "{store}", "--drop-referenced"], "would take everything"),
        (["verify", "{tmp}"], "is not a store"),
        (["verify", "{tmp}/none"], "name a store or the folder of a run"),
    ],
)
def test_wrong_calls(desk: Desk, arguments: list[str], told: str) -> None:
    store = desk.folder / "store"
    (store / "runs").mkdir(parents=True)
    (desk.folder / "empty").mkdir()
    said = desk.xbatch(*(one.format(tmp=desk.folder / "empty", store=store) for one in arguments))
    assert said.status == 2
    assert told in said.err


def test_unlock_frees_only_what_nobody_here_holds(desk: Desk) -> None:
    run = desk.run_dir
    run.mkdir(parents=True)
    (run / "journal.jsonl").touch()
    assert "no run holds it" in desk.xbatch("unlock", run).out
    with hold(run):
        said = desk.xbatch("unlock", run)
        assert said.status == 1
        assert f"is in use by a run on this machine (process {os.getpid()} on" in said.err
    lock = run / ".lock"
    lock.write_text("process 7 on elsewhere\nelsewhere~7~1\n")
    with lock.open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # as a server may hold it for a machine that is gone
        assert "the lock of process 7 on elsewhere is cleared" in desk.xbatch("unlock", run).out
        with hold(run):
            assert "process 7" not in Path(lock).read_text()
    assert "no run holds it" in desk.xbatch("unlock", run).out


def test_another_recipe_of_keys_is_the_reason_that_is_given(finished: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    places = ("--out", finished.run_dir, "--store", finished.folder / "out" / ".store")
    monkeypatch.setattr("xbatch.plan.keys.RECIPE", RECIPE + 1)
    told = f"recipe of keys changed: {RECIPE} -> {RECIPE + 1}"
    assert told in finished.xbatch("plan", finished.folder / "desk.yaml", *places).out
    said = finished.xbatch("explain", finished.folder / "desk.yaml", *places)
    assert said.status == 0
    first, second, third = said.out.splitlines()[:3]
    assert first.startswith("spectrum:") and first.endswith(": run")
    assert "compared with its last result here" in second and third.strip() == told
    elsewhere = ("--out", finished.folder / "out" / "other", "--store", finished.folder / "out" / ".store")
    said = finished.xbatch("explain", finished.folder / "desk.yaml", "spectrum:*", *elsewhere)
    assert "nearest in the store is spectrum:" in said.out and told in said.out
