"""Runs made up for tests: a folder with products, records and a manifest, without a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.tasks.fits import fit_record, write_fit
from xbatch.base.digest import file_facts
from xbatch.plan.keys import ENGINE_VERSIONS, ingredients_of, key_of
from xbatch.plan.steps import FileInput, Plan, Step, StepInput, ordered
from xbatch.plan.verdict import Reason
from xbatch.provenance import manifest
from xbatch.registry import TASKS, Job
from xbatch.run.result import RunResult, StepOutcome, StepResult
from xbatch.spec.model import Analysis, Member, Spec

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
SPEC = b"xbatch: 1\nname: vela-x1\n# the cutoff of 2019\nmission: nustar\n"


@dataclass(frozen=True)
class Fit:
    """One fit of a made-up run; without a record it has failed. Only a `drawn` plot shows it."""

    subject: str = "cutoff"
    record: Mapping[str, Any] | None = field(default_factory=fit_record)
    values: Mapping[str, Any] = field(default_factory=dict)
    member: str = ""
    plotted: bool = True
    drawn: bool = False
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class World:
    """What a made-up run consists of."""

    folder: Path
    analysis: Analysis
    plan: Plan
    result: RunResult

    def manifest(self) -> dict[str, Any]:
        return manifest.build(self.analysis, self.plan, self.result, 2, ("xbatch", "run", "vela.yaml"), environ={})

    def write(self) -> Path:
        manifest.write(self.folder, self.manifest())
        return self.folder


def make_run(
    folder: Path,
    fits: Sequence[Fit] = (Fit(),),
    spectra: Sequence[tuple[str, str]] = (("90402339002", "FPMA"), ("90402339002", "FPMB")),
    title: str = "",
    tables: bool = True,
    spec: bytes = SPEC,
    overrides: tuple[str, ...] = (),
    message: str = "90402339002A_sr.pha: holds no good channel in 3-79 keV. Widen the band",
) -> World:
    """Make a run: spectra, fits, plots and tables, with their products and records."""
    run_dir, store = folder / "out" / "vela-x1", folder / "out" / ".store"
    maker = _Maker(run_dir, store, folder / "data")
    subjects = [f"{obsid}/{instrument}/src" for obsid, instrument in spectra]
    steps = [maker.spectrum(*spectrum) for spectrum in spectra]
    for fit in fits:
        steps += maker.fit(fit, subjects, message)
    if tables:
        steps += maker.tables(spectra, fits)
    plan = ordered("vela-x1", steps)
    members = tuple(
        Member(name, values, Spec("vela-x1", "spectra", (), {}, {}, (), {}))
        for name, values in {fit.member: fit.values for fit in fits}.items()
    )
    analysis = Analysis(
        path=Path("vela.yaml"),
        files={"vela.yaml": spec},
        overrides=overrides,
        name="vela-x1",
        members=members,
        document={"xbatch": 1, "name": "vela-x1", "title": title, "mission": "nustar", "data": {"root": "data"}},
        origins={"name": "vela.yaml:2:7", "mission": "vela.yaml:4:10", "data.root": "default"},
        places={},
    )
    result = RunResult(
        "vela-x1",
        run_dir,
        store,
        "2026-11-21T12:00:00.000Z",
        "2026-11-21T12:00:42.500Z",
        tuple(maker.results[step.name] for step in plan),
    )
    return World(run_dir, analysis, plan, result)


class _Maker:
    def __init__(self, run_dir: Path, store: Path, data: Path) -> None:
        self.run_dir, self.store, self.data = run_dir, store, data
        self.results: dict[str, StepResult] = {}
        self.records: dict[str, Mapping[str, Any]] = {}

    def spectrum(self, obsid: str, instrument: str) -> Step:
        source = self.data / f"nu{obsid}{instrument[-1]}_sr.pha"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(f"{obsid} {instrument}".encode())
        params = {"obsid": obsid, "instrument": instrument, "mission": "nustar", "spectrum": "src", "note": ""}
        step = self._step("spectrum", f"{obsid}/{instrument}/src", params, {"pha": FileInput(str(source))})
        facts = {"counts": 12345, "exposure": 20123.4, "rate": 0.613, "object": "Vela X-1"}
        self._done(step, {"spectrum.pha": f"{obsid} {instrument} read".encode(), "response.npz": b"npz"}, facts)
        return step

    def fit(self, fit: Fit, subjects: Sequence[str], message: str) -> list[Step]:
        inputs = {f"grouped/{n}": StepInput(f"spectrum:{s}", "spectrum.pha") for n, s in enumerate(subjects)}
        members = (fit.member,) if fit.member else ()
        params = {"name": fit.subject.partition("~")[0], "group": "", **fit.params}
        step = self._step("fit", fit.subject, params, inputs, members)
        plot_inputs = {"fit": StepInput(step.name, "fit.json"), "bins": StepInput(step.name, "bins.ecsv")}
        plot = self._step("plot", fit.subject, {"title": ""}, plot_inputs, members)
        if fit.record is None:
            self._bad(step, "failed", message)
            self._bad(plot, "skipped", "")
            return [step, plot]
        record, bins = write_fit(self.run_dir / "made", dict(fit.record))
        self._done(step, {"fit.json": record.read_bytes(), "bins.ecsv": bins.read_bytes()}, {"dof": fit.record["dof"]})
        if not fit.plotted:
            self._bad(plot, "failed", "the plot could not be made")
            return [step, plot]
        images = {"fit.png": PNG, "fit.pdf": b"%PDF-1.4"}
        if fit.drawn:
            from xbatch.tasks.plot import run

            out = self.run_dir / "made"
            run(Job(plot.name, {"title": ""}, {"fit": record, "bins": bins}, out))
            images = {name: (out / name).read_bytes() for name in images}
        self._done(plot, images, {})
        return [step, plot]

    def tables(self, spectra: Sequence[tuple[str, str]], fits: Sequence[Fit]) -> list[Step]:
        from xbatch.ogip.tables import Column, write_tables
        from xbatch.tasks.parameters import run

        out = self.run_dir / "made"
        out.mkdir(parents=True, exist_ok=True)
        rows = [{"num": n, "obsid": o, "instrument": i, "rate": 0.6} for n, (o, i) in enumerate(spectra, 1)]
        columns = [
            Column("num", "int64"),
            Column("obsid"),
            Column("instrument"),
            Column("rate", "float64", "ct / s", digits=3),
        ]
        write_tables(out, "summary", columns, rows, {})
        made = []
        summary = self._step("summary", "spectra", {"spectra": []}, {})
        self._done(summary, {n: (out / n).read_bytes() for n in TASKS["summary"].outputs}, {}, product="tables")
        made.append(summary)
        if fits:
            entries = [
                {"role": f"fit/{n}", "fit": f.subject, "member": f.member, "values": dict(f.values)}
                for n, f in enumerate(fits)
            ]
            inputs = {f"fit/{n}": StepInput(f"fit:{f.subject}", "fit.json", optional=True) for n, f in enumerate(fits)}
            step = self._step("parameters", "fits", {"fits": entries}, inputs)
            paths = {
                f"fit/{n}": self.run_dir / "products" / f"fit.{f.subject}" / "fit.json"
                for n, f in enumerate(fits)
                if f.record is not None
            }
            outcome = run(Job(step.name, step.params, paths, out))
            files = {n: (out / n).read_bytes() for n in TASKS["parameters"].outputs}
            self._done(step, files, dict(outcome.facts), product="tables", notes=outcome.notes)
            made.append(step)
        return made

    def _step(
        self,
        task: str,
        subject: str,
        params: Mapping[str, Any],
        inputs: Mapping[str, Any],
        members: tuple[str, ...] = (),
    ) -> Step:
        product = "tables" if task in {"summary", "parameters"} else f"{task}.{subject}"
        return Step(f"{task}:{subject}", task, subject, "native", params, inputs, product, None, task, members)

    def _bad(self, step: Step, outcome: StepOutcome, message: str) -> None:
        log = self._log(step, f"Traceback\n{message}\n") if outcome == "failed" else None
        reason = Reason("new") if outcome == "failed" else Reason("needs", f"fit:{step.subject}")
        self.results[step.name] = StepResult(step.name, outcome, None, None, (reason,), message, log, 0.5)

    def _log(self, step: Step, text: str) -> Path:
        path = self.run_dir / "logs" / f"{step.name.replace('/', '+').replace(':', '.', 1)}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def _done(
        self,
        step: Step,
        files: Mapping[str, bytes],
        facts: Mapping[str, Any],
        product: str = "",
        notes: Sequence[str] = (),
    ) -> None:
        folder = self.run_dir / "products" / (product or step.product)
        folder.mkdir(parents=True, exist_ok=True)
        outputs = {}
        for name, data in files.items():
            (folder / name).write_bytes(data)
            found = file_facts(folder / name)
            outputs[name] = {"size": found.size, "sha256": found.sha256, "digest": found.digest}
        inputs = {}
        for role, item in step.inputs.items():
            if isinstance(item, FileInput):
                found = file_facts(Path(item.path))
                inputs[role] = {"digest": found.digest, "size": found.size, "path": item.path}
            elif item.step in self.records:
                made = self.records[item.step]["outputs"][item.output]
                inputs[role] = {"digest": made["digest"], "size": made["size"], "step": item.step}
        ingredients = ingredients_of(step, 1, ENGINE_VERSIONS["native"], {r: i["digest"] for r, i in inputs.items()})
        key = key_of(ingredients)
        record = {
            "record": 1, "step": step.name, "task": step.task, "task_version": 1, "engine": "native",
            "engine_version": "1", "key": key, "ingredients": ingredients, "inputs": inputs, "outputs": outputs,
            "facts": dict(facts), "notes": list(notes), "started": "2026-11-20T09:00:00.000Z",
            "ended": "2026-11-20T09:00:01.250Z", "wall_s": 1.25, "cpu_s": 1.1, "max_rss_mb": 140.5, "exit_status": 0,
            "log": "step.log", "environment": {"python": "3.12.3", "platform": "Linux", "packages": {}}, "host": "here",
        }  # fmt: skip
        path = self.store / key[:2] / key / "record.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record), encoding="utf-8")
        self.records[step.name] = record
        cached = step.task == "spectrum"
        self.results[step.name] = StepResult(
            step.name,
            "up to date" if cached else "done",
            key,
            path,
            () if cached else (Reason("parameter", "binning.counts", 20, 30),),
            "",
            self._log(step, f"{step.name} went well\n"),
            0.0 if cached else 1.25,
        )
