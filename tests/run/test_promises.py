"""Random edits, damage and runs: what `plan` promises holds, and products never depend on what was before."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.run.inline import inline_workers
from tests.run.toys import TOYS, plan, step
from xbatch.plan.steps import Plan, Step
from xbatch.registry import TaskDef
from xbatch.run.cleaning import choose, remove
from xbatch.run.entries import all_entries, references
from xbatch.run.session import execute, survey
from xbatch.run.store import RECORD, Store
from xbatch.run.verifying import check_store, set_aside

FILES = ("f", "g")
SUBJECTS = "abcde"
TEXTS = st.sampled_from(["", "x", "y", "xy"])
KINDS = st.sampled_from(["join", "join", "measure", "misbehave"])
NEEDS = st.sets(st.sampled_from(SUBJECTS), max_size=3)


@dataclasses.dataclass(frozen=True)
class Toy:
    """One step as it stands in the spec: what it reads must come before it in the alphabet."""

    kind: str
    text: str
    needs: frozenset[str]
    optional: frozenset[str]
    file: str


TOYS_OF_STEPS = st.builds(
    Toy,
    kind=KINDS,
    text=TEXTS,
    needs=NEEDS.map(frozenset),
    optional=NEEDS.map(frozenset),
    file=st.sampled_from(["", *FILES]),
)


class Promises(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.toys: dict[str, Toy] = {}
        self.contents: dict[str, str] = {}
        self.registry: Mapping[str, TaskDef] = TOYS
        self.damaged = False
        self.quick = mock.patch.multiple(os, fsync=lambda handle: None, sync=lambda: None)  # nobody cuts the power
        self.quick.start()

    def teardown(self) -> None:
        self.quick.stop()
        shutil.rmtree(self.root)

    # ---- what the plan is, and what its results should be ---------------------------------------------------------

    def path(self, file: str) -> Path:
        return self.root / f"{file}.txt"

    def name(self, subject: str) -> str:
        return f"{self.toys[subject].kind}:{subject}"

    def plan(self) -> Plan:
        return plan(*(self.step(subject) for subject in sorted(self.toys)))

    def step(self, subject: str) -> Step:
        toy = self.toys[subject]
        before = [one for one in sorted(self.toys) if one < subject]
        params = {"how": "raise"} if toy.kind == "misbehave" else {"text": toy.text}
        return step(
            self.name(subject),
            *(self.name(one) for one in before if one in toy.needs),
            optional=tuple(self.name(one) for one in before if one in toy.optional - toy.needs),
            file=self.path(toy.file) if toy.file else None,
            **params,
        )

    def model(self) -> dict[str, str | None]:
        """Give what each step should write, by its name; None for one that can have no result."""
        found: dict[str, str | None] = {}
        for subject in sorted(self.toys):
            toy = self.toys[subject]
            one = self.step(subject)
            inputs = {role: self.contents[toy.file] if role == "file" else found[role] for role in one.inputs}
            needed = [inputs[need] for need in one.needs()]
            if toy.kind == "misbehave" or None in needed:
                found[one.name] = None
                continue
            read = "".join(inputs[role] or "" for role in sorted(inputs))
            found[one.name] = str(len(read)) if toy.kind == "measure" else (read + toy.text or "-")
        return found

    # ---- what a user does -----------------------------------------------------------------------------------------

    @initialize(toys=st.dictionaries(st.sampled_from(SUBJECTS), TOYS_OF_STEPS, min_size=2), content=TEXTS)
    def begin(self, toys: dict[str, Toy], content: str) -> None:
        self.toys = toys
        for file in FILES:
            self.edit_file(file, content)

    @rule(file=st.sampled_from(FILES), content=TEXTS)
    def edit_file(self, file: str, content: str) -> None:
        self.contents[file] = content
        self.path(file).write_text(content)

    @rule(subject=st.sampled_from(SUBJECTS), toy=TOYS_OF_STEPS)
    def edit_step(self, subject: str, toy: Toy) -> None:
        self.toys[subject] = toy

    @rule(subject=st.sampled_from(SUBJECTS), text=TEXTS)
    def edit_parameter(self, subject: str, text: str) -> None:
        if subject in self.toys:
            self.toys[subject] = dataclasses.replace(self.toys[subject], text=text)

    @precondition(lambda self: len(self.toys) > 1)
    @rule(subject=st.sampled_from(SUBJECTS))
    def drop_step(self, subject: str) -> None:
        self.toys.pop(subject, None)

    @rule(version=st.integers(1, 2), task=st.sampled_from(["join", "measure"]))
    def other_program(self, version: int, task: str) -> None:
        self.registry = {**self.registry, task: dataclasses.replace(self.registry[task], version=version)}

    # ---- what goes wrong on a disk --------------------------------------------------------------------------------

    @rule(data=st.data(), how=st.sampled_from(["remove", "write", "copy"]))
    def harm_a_product(self, data: st.DataObject, how: str) -> None:
        products = sorted((self.root / "run").glob("products/*/*/out.txt"))
        if not products:
            return
        path = data.draw(st.sampled_from(products))
        match how:
            case "remove":
                path.unlink()
            case "copy":  # as an editor writes: another file of the same name
                path.unlink()
                path.write_text("mine")
            case "write":
                self._write_through(path)

    @rule(data=st.data(), how=st.sampled_from(["remove", "write", "record", "output", "unnoticed"]))
    def harm_a_result(self, data: st.DataObject, how: str) -> None:
        records = sorted((self.root / "store").glob(f"??/*/{RECORD}"))
        if not records:
            return
        record = data.draw(st.sampled_from(records))
        output = record.parent / "out.txt"
        match how:
            case "remove":
                shutil.rmtree(record.parent)
            case "record":
                record.write_bytes(record.read_bytes()[:40])
            case "output":
                output.unlink(missing_ok=True)
            case "write" if output.exists():
                self._write_through(output)
            case "unnoticed" if output.exists():  # a disk that goes bad tells nobody; `verify` is there to find it
                made = output.stat()
                output.chmod(0o644)
                output.write_text("?" * made.st_size)
                os.utime(output, ns=(made.st_atime_ns, made.st_mtime_ns))
                self.damaged = True

    def _write_through(self, path: Path) -> None:
        """Write into the file itself, with as many bytes as there were: a product is one with the store's."""
        made = path.stat()
        path.chmod(0o644)
        path.write_text("!" * made.st_size)
        os.utime(path, ns=(made.st_atime_ns, made.st_mtime_ns + 10**9))

    # ---- what looks after it --------------------------------------------------------------------------------------

    @rule(keep=st.booleans(), to=st.integers(0, 5000))
    def clean(self, keep: bool, to: int) -> None:
        if (self.root / "store").is_dir():
            store = Store(self.root / "store")
            entries = all_entries(store, references(store.root)[0])
            remove(store, choose(entries, 2e10, float("inf"), to=to, keep_referenced=keep).going)

    @rule()
    def run_as_usual(self) -> None:
        self.run(False, "")

    @rule()
    def run_again(self) -> None:
        self.run(False, "")  # most that is done between edits is this

    @rule(paranoid=st.booleans(), forced=st.sampled_from(["", *SUBJECTS]))
    def run(self, paranoid: bool, forced: str) -> None:
        what = self.plan()
        force = [self.name(forced)] if forced in self.toys else []
        if self.damaged and not paranoid:
            store = Store(self.root / "store")
            set_aside(store, [one.place.name for one in check_store(store)[1]])
            for path in (self.root / "run").glob("products/*/*/out.txt"):
                if "?" in path.read_text():
                    path.unlink()
        self.damaged = False
        run_dir, store_dir = self.root / "run", self.root / "store"
        promised = survey(what, run_dir, store_dir, force=force, paranoid=paranoid, registry=self.registry)
        result = execute(
            what,
            run_dir,
            store_dir,
            jobs=1,
            force=force,
            paranoid=paranoid,
            registry=self.registry,
            make_workers=inline_workers,
        )
        model = self.model()
        for verdict, one in zip(promised, result.steps, strict=True):
            assert one.name == verdict.step
            assert (model[one.name] is not None) == (one.outcome in {"done", "up to date"}), one
            if one.content is not None:
                assert one.content["task_version"] == self.registry[one.name.partition(":")[0]].version
            match verdict.kind:
                case "up to date":
                    assert (one.outcome, one.key) == ("up to date", verdict.key)
                case "run":
                    waited = verdict.key is None and one.outcome == "skipped"  # a forced one, for what has failed
                    assert one.outcome in {"done", "failed"} or waited, (verdict, one)
                    assert verdict.key in {None, one.key}
                case "blocked":
                    assert one.outcome in {"failed", "skipped"}
        self.check_products(model)
        again = survey(what, run_dir, store_dir, registry=self.registry)
        settled: dict[str, bool] = {}
        for one in what:
            settled[one.name] = model[one.name] is not None and all(settled[need] for need in one.waits_for())
        assert {one.step: one.kind == "up to date" for one in again} == settled
        fresh = execute(
            what, self.root / "fresh", self.root / "fresh-store", jobs=1, registry=self.registry,
            make_workers=inline_workers,
        )  # fmt: skip
        assert [one.key for one in fresh.steps] == [one.key for one in result.steps]
        shutil.rmtree(self.root / "fresh")
        shutil.rmtree(self.root / "fresh-store")

    def check_products(self, model: Mapping[str, str | None]) -> None:
        found = {}
        for path in (self.root / "run").glob("products/*/*/*"):
            found[":".join(path.parts[-3:-1])] = path.read_text()
        expected = {name: text for name, text in model.items() if text is not None}
        assert {name: found.get(name) for name in expected} == expected
        kept = {name for name, text in found.items() if text == "mine" or "!" in text}
        assert found.keys() - expected.keys() <= kept, "no old result stands among new ones"

    @invariant()
    def nothing_half_made(self) -> None:
        assert not list(self.root.rglob("*.part"))
        tmp = self.root / "store" / "tmp"
        assert not tmp.exists() or not list(tmp.iterdir())


Promises.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink what works on files takes minutes
)
TestPromises = Promises.TestCase
