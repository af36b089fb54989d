"""The manifest."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.provenance.runs import SPEC, Fit, make_run
from xbatch.base.errors import FileError, UsageError
from xbatch.base.files import schema_text
from xbatch.provenance.manifest import OUTCOMES, build, plan_digest, read, without_volatile, write

SCHEMA: dict[str, Any] = json.loads(schema_text("manifest-1"))


def step_of(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(step for step in manifest["steps"] if step["name"] == name)
    return found


def test_a_written_manifest_fits_its_schema_and_reads_back(tmp_path: Path) -> None:
    world = make_run(tmp_path, [Fit(), Fit("broken", None)])
    manifest = world.manifest()
    path = write(world.folder, manifest)
    assert path == world.folder / "manifest.json"
    assert read(world.folder) == manifest
    assert manifest["run"]["outcome"] == "failed"
    assert manifest["run"]["counts"] == {
        "done": 4, "up to date": 2, "failed": 1, "skipped": 1, "cancelled": 0, "not selected": 0,
    }  # fmt: skip


def test_a_manifest_of_many_steps_has_one_a_line_and_the_same_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_run(tmp_path)
    manifest = world.manifest()
    monkeypatch.setattr("xbatch.provenance.manifest._READABLE", 1)
    text = write(world.folder, manifest).read_text()
    assert read(world.folder) == manifest
    assert sum(line.startswith('    {"commands":') for line in text.splitlines()) == len(manifest["steps"])


def test_the_schema_is_one_and_describes_every_property() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    bare = []

    def look(node: Any, path: str) -> None:
        if isinstance(node, dict):
            for name, child in node.get("properties", {}).items():
                if "description" not in child:
                    bare.append(f"{path}.{name}")
            for key, child in node.items():
                look(child, f"{path}.{key}")
        elif isinstance(node, list):
            for number, child in enumerate(node):
                look(child, f"{path}[{number}]")

    look(SCHEMA, "")
    assert bare == []
    assert tuple(SCHEMA["definitions"]["step"]["properties"]["outcome"]["enum"]) == OUTCOMES


def test_the_spec_is_kept_as_bytes(tmp_path: Path) -> None:
    manifest = make_run(tmp_path, overrides=("data.root=/data",)).manifest()
    (file,) = manifest["spec"]["files"]
    assert file["content"].encode() == SPEC
    assert file["sha256"] == hashlib.sha256(SPEC).hexdigest()
    assert manifest["spec"]["overrides"] == ["data.root=/data"]
    odd = b"name: caf\xe9\r\n"
    (file,) = make_run(tmp_path / "odd", spec=odd).manifest()["spec"]["files"]
    assert (file["encoding"], base64.b64decode(file["content"])) == ("base64", odd)


def test_inputs_and_outputs_carry_size_sha256_and_content_digest(tmp_path: Path) -> None:
    world = make_run(tmp_path)
    manifest = world.manifest()
    source = step_of(manifest, "spectrum:90402339002/FPMA/src")["inputs"]["pha"]
    raw = Path(source["path"]).read_bytes()
    assert source["sha256"] == hashlib.sha256(raw).hexdigest() and source["size"] == len(raw)
    fit = step_of(manifest, "fit:cutoff")
    given = fit["inputs"]["grouped/0"]
    made = step_of(manifest, given["step"])["outputs"][given["output"]]
    assert {k: given[k] for k in ("size", "sha256", "digest")} == {k: made[k] for k in ("size", "sha256", "digest")}
    for output in fit["outputs"].values():
        assert hashlib.sha256((world.folder / output["path"]).read_bytes()).hexdigest() == output["sha256"]


def test_a_file_that_the_store_alone_has_has_no_path(tmp_path: Path) -> None:
    world = make_run(tmp_path)
    first = world.plan.steps[0]
    world.plan = replace(world.plan, steps=(replace(first, product=""), *world.plan.steps[1:]))
    manifest = world.manifest()
    jsonschema.validate(manifest, SCHEMA)
    assert {output["path"] for output in step_of(manifest, first.name)["outputs"].values()} == {""}


def test_a_step_from_the_store_keeps_its_times(tmp_path: Path) -> None:
    step = step_of(make_run(tmp_path).manifest(), "spectrum:90402339002/FPMA/src")
    assert step["outcome"] == "up to date"
    assert (step["started"], step["wall_s"], step["seconds"]) == ("2026-11-20T09:00:00.000Z", 1.25, 0.0)


def test_a_failure_keeps_its_message_and_log_and_what_hangs_on_it_is_skipped(tmp_path: Path) -> None:
    world = make_run(tmp_path, [Fit("broken", None)])
    manifest = world.manifest()
    failed, skipped = step_of(manifest, "fit:broken"), step_of(manifest, "plot:broken")
    assert "no good channel" in failed["message"] and failed["outputs"] == {} and failed["exit_status"] is None
    assert "no good channel" in (world.folder / failed["log"]).read_text()
    assert skipped["outcome"] == "skipped" and skipped["reasons"][0]["what"] == "fit:broken"
    assert skipped["inputs"]["fit"]["digest"] is None


def test_what_was_not_asked_for_is_said_to_be_so(tmp_path: Path) -> None:
    world = make_run(tmp_path)
    chosen = tuple(step for step in world.result.steps if step.name.startswith("spectrum:"))
    manifest = build(world.analysis, world.plan, replace(world.result, steps=chosen), 1, environ={})
    assert manifest["run"]["outcome"] == "partial"
    assert step_of(manifest, "fit:cutoff")["outcome"] == "not selected"
    write(world.folder, manifest)


@pytest.mark.parametrize("changes", [{"signal": 2}, {"message": "no space left on device"}])
def test_a_stopped_run_is_interrupted(tmp_path: Path, changes: dict[str, Any]) -> None:
    world = make_run(tmp_path)
    manifest = build(world.analysis, world.plan, replace(world.result, **changes), 1, environ={})
    assert manifest["run"]["outcome"] == "interrupted"
    write(world.folder, manifest)


def test_two_runs_with_the_same_results_differ_in_nothing_but_what_is_volatile(tmp_path: Path) -> None:
    first, second = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    late = replace(
        second.result,
        started="2027-01-01T00:00:00.000Z",
        steps=tuple(replace(s, outcome="up to date", reasons=(), seconds=0.0) for s in second.result.steps),
    )
    one, two = first.manifest(), build(second.analysis, second.plan, late, 8, environ={})
    assert one != two
    assert without_volatile(one) == without_volatile(two)
    other = make_run(tmp_path / "c", [Fit("broken", None)]).manifest()
    assert without_volatile(one) != without_volatile(other)


def test_leaving_out_does_not_change_what_is_given(tmp_path: Path) -> None:
    manifest = make_run(tmp_path).manifest()
    before = json.dumps(manifest)
    without_volatile(manifest)
    assert json.dumps(manifest) == before


def test_the_digest_of_a_plan_does_not_depend_on_where_files_lie(tmp_path: Path) -> None:
    first, second = make_run(tmp_path / "a").plan, make_run(tmp_path / "b").plan
    assert plan_digest(first) == plan_digest(second)
    changed = replace(first, steps=(replace(first.steps[0], params={"x": 1}), *first.steps[1:]))
    assert plan_digest(changed) != plan_digest(first)


def test_a_manifest_that_does_not_fit_is_not_written(tmp_path: Path) -> None:
    manifest = make_run(tmp_path).manifest()
    manifest["steps"][0]["outcome"] = "fine"
    folder = tmp_path / "elsewhere"
    with pytest.raises(ValueError, match=r"steps\[0\]\.outcome"):
        write(folder, manifest)
    assert not folder.exists()


def test_what_cannot_be_read_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no manifest\.json"):
        read(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(FileError, match="is not JSON"):
        read(tmp_path)
    (tmp_path / "manifest.json").write_text('{"manifest": 2}')
    with pytest.raises(FileError, match="version 2, not 1"):
        read(tmp_path)
