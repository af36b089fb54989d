"""The page of a run."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.provenance.runs import PNG, Fit, make_run
from tests.tasks.fits import dataset, fit_record, parameter
from xbatch.base.errors import FileError, UsageError
from xbatch.report import page, write_page

VOID = {"meta", "img", "br", "col", "link", "input", "hr"}


class Page(HTMLParser):
    """A page taken apart: it must be well nested; text, tags and attributes are kept."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(folder: Path, fits: Sequence[Fit] = (Fit(),), **options: Any) -> Page:
    path = write_page(make_run(folder, fits, **options).write())
    return Page(path.read_text(encoding="utf-8"))


def test_the_page_needs_nothing_but_itself(tmp_path: Path) -> None:
    page = page_of(tmp_path, [Fit(), Fit("broken", None)])
    assert page.all("script") == [] and page.all("link") == []
    assert {(image["src"] or "")[:22] for image in page.all("img")} == {"data:image/png;base64,"}
    for attributes in page.all("a"):
        assert re.match(r"#|data:", attributes["href"] or "")
    (policy,) = [a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_links_within_the_page_lead_somewhere(tmp_path: Path) -> None:
    fits = [Fit("each/a", fit_record(name="each", group="a")), Fit("each/b", fit_record(name="each", group="b"))]
    page = page_of(tmp_path, fits)
    anchors = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(anchors) == len(set(anchors))
    links = [a["href"] or "" for a in page.all("a") if (a["href"] or "").startswith("#")]
    assert links and {link[1:] for link in links} <= set(anchors)


def test_what_was_asked_and_what_was_found_stand_in_it(tmp_path: Path) -> None:
    page = page_of(tmp_path, title="Vela X-1 in 2019", overrides=("data.root=/my data",))
    for words in (
        "Vela X-1 in 2019",
        "# the cutoff of 2019",
        "--set data.root=/my data",
        "constant.cal * powerlaw.pl",
        "χ² = 82.50 / 77 d.o.f.",
        "1.071",
        "90 % confidence, profile",
        "3-79 keV unabsorbed",
        "xbatch run vela.yaml --set 'data.root=/my data'",
        "spectrum:90402339002/FPMA/src",
        "fit:cutoff went well",
        "binning.counts 20 -> 30",
    ):
        assert words in page.text, words
    assert re.search(r"1\.988\s*\+0\.031\s*−0\.021", page.text)


def test_the_spec_and_the_tables_can_be_taken_from_the_page(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    files = {a["download"]: a["href"] or "" for a in page.all("a") if "download" in a}
    assert set(files) == {"vela.yaml"} | {f"{t}.{s}" for t in ("parameters", "summary") for s in ("csv", "ecsv", "tex")}
    raw = base64.b64decode(files["parameters.csv"].partition(",")[2])
    assert raw == (tmp_path / "out" / "vela-x1" / "products" / "tables" / "parameters.csv").read_bytes()


HOSTILE = ("<script>alert(1)</script>", "\"><img src=x onerror='a'>", "{{ 'a' * 9 }} & </pre>")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_names_cannot_break_out(tmp_path: Path, hostile: str) -> None:
    record = fit_record(
        name=hostile,
        group=hostile,
        model_text=hostile,
        good_fit=False,
        notes=[hostile],
        parameters=[parameter(f"pl.{hostile}", 1.0, linked=True, link=hostile, unit=hostile, error_note=hostile)],
        datasets=[dataset(hostile, obsid=hostile, spectrum=hostile, note=hostile)],
    )
    page = page_of(
        tmp_path,
        [Fit("cutoff", record, {hostile: hostile}, hostile), Fit("broken", None)],
        spectra=[("1", "FPMA")],
        title=hostile,
        spec=hostile.encode(),
        overrides=(hostile,),
        message=hostile,
    )
    assert page.all("script") == []
    assert all((image["src"] or "").startswith("data:") for image in page.all("img"))
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert " ".join(hostile.split()) in page.text
    assert "a" * 9 not in page.text


def test_a_failure_is_said_at_the_top_and_at_its_step(tmp_path: Path) -> None:
    page = page_of(tmp_path, [Fit(), Fit("broken", None)])
    assert page.text.count("holds no good channel in 3-79 keV. Widen the band") == 4  # top, fit, step, log
    assert "Some steps failed" in page.text
    assert "This fit failed." in page.text
    assert "needs fit:broken" in page.text


def test_a_poor_fit_is_said_plainly(tmp_path: Path) -> None:
    poor = [parameter("pl.PhoIndex", 2.0, error_note="not computed: reduced chi-squared 9.3 > 2")]
    record = fit_record(good_fit=False, reduced=9.3, parameters=poor, notes=["poor fit (reduced chi-squared 9.3)"])
    page = page_of(tmp_path, [Fit("cutoff", record)])
    assert page.text.count("Poor fit: the model does not describe the data (χ² / d.o.f. = 9.3)") == 2
    assert "not computed" not in page.text


def test_a_fit_that_did_not_converge_is_said_plainly(tmp_path: Path) -> None:
    page = page_of(tmp_path, [Fit("cutoff", fit_record(converged=False, message="too many evaluations"))])
    assert "Not converged (too many evaluations)" in page.text


def test_notes_stand_once_with_all_whom_they_concern(tmp_path: Path) -> None:
    record = fit_record(notes=["9/FPMA/src: stand-in matrix", "9/FPMB/src: stand-in matrix"])
    page = page_of(tmp_path, [Fit("cutoff", record)])
    assert "stand-in matrix 9/FPMA/src; 9/FPMB/src" in page.text


def test_members_of_a_sweep_are_compared(tmp_path: Path) -> None:
    fits = [Fit(f"cutoff~snr={n}", fit_record(), {"binning.opt.snr": n}, f"snr={n}") for n in (3, 6)]
    page = page_of(tmp_path, fits)
    assert "Comparison" in page.text
    assert "cutoff · snr 3" in page.text and "cutoff · snr 6" in page.text


def test_one_fit_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    assert "Comparison" not in page_of(tmp_path).text


def test_a_run_without_fits_has_a_page(tmp_path: Path) -> None:
    page = page_of(tmp_path, [])
    assert page.all("article") == [] and page.all("img") == []
    assert "90402339002" in page.text and "summary.csv" in page.text


def test_a_run_of_nothing_has_a_page(tmp_path: Path) -> None:
    assert "no steps" in page_of(tmp_path, [], spectra=[], tables=False).text


def test_missing_plots_and_products_leave_gaps_that_are_named(tmp_path: Path) -> None:
    world = make_run(tmp_path, [Fit("a", fit_record(name="a"), plotted=False), Fit("b"), Fit("c")])
    folder = world.write()
    (folder / "products" / "plot.b" / "fit.png").unlink()
    (folder / "products" / "fit.c" / "fit.json").write_text("{")
    (folder / "products" / "tables" / "summary.csv").unlink()
    page = Page(write_page(folder).read_text(encoding="utf-8"))
    assert page.text.count("There is no plot of this fit") == 2
    assert "Its record is not among the products any more" in page.text


def test_two_hundred_steps_are_grouped_and_failures_open(tmp_path: Path) -> None:
    spectra = [(f"9040233{n:04d}", module) for n in range(50) for module in ("FPMA", "FPMB")]
    fits = [
        Fit(f"each/{n}", fit_record(name="each", group=str(n), datasets=[dataset()]) if n else None) for n in range(50)
    ]
    page = page_of(tmp_path, fits, spectra=spectra)
    groups = [attributes for attributes in page.all("details") if "open" in attributes]
    assert len(groups) == 2
    assert "202 steps" in page.text


def test_every_image_says_what_it_shows(tmp_path: Path) -> None:
    for image in page_of(tmp_path).all("img"):
        assert "residuals" in (image["alt"] or "")
        assert base64.b64decode((image["src"] or "").partition(",")[2]) == PNG


def test_the_end_of_a_long_log_is_shown(tmp_path: Path) -> None:
    world = make_run(tmp_path)
    folder = world.write()
    (folder / "logs" / "fit.cutoff.log").write_text("begin\n" + "x" * 100_000 + "\nend")
    text = write_page(folder).read_text(encoding="utf-8")
    assert "\nend" in text and "begin\n" not in text
    assert "bytes before this are left out" in text


def test_equal_runs_give_equal_pages(tmp_path: Path) -> None:
    folder = make_run(tmp_path).write()
    assert write_page(folder).read_bytes() == write_page(folder).read_bytes()


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no manifest\.json"):
        write_page(tmp_path)
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(FileError, match="not a manifest of version 1"):
        write_page(tmp_path)


def test_compiled_templates_are_kept_where_they_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_run(tmp_path / "run")
    folder = world.write()
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    kept, blocked = tmp_path / "kept", tmp_path / "blocked"
    blocked.write_text("in the way")
    compiled = page._compiled
    pages = []
    for place in (kept, kept, blocked / "deeper"):
        monkeypatch.setattr(page, "_compiled", lambda _, place=place: compiled(place))
        pages.append(page.render(folder))
    assert len(set(pages)) == 1 and list(kept.glob("*.jinja"))
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert compiled(tmp_path / "none") is None and not (tmp_path / "none").exists()


def test_too_many_pictures_are_shown_from_their_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xbatch.report.source._CARRIED", 2 * len(PNG))
    fits = [Fit("each/a b", fit_record(name="each", group="a b")), Fit("each/b", fit_record(name="each", group="b"))]
    carried = page_of(tmp_path / "few", fits)
    assert "too many to be carried" not in carried.text
    run = make_run(tmp_path / "many", [*fits, Fit("each/c", fit_record(name="each", group="c"))]).write()
    (run / "products" / "plot.each" / "c" / "fit.png").unlink()
    page = Page(write_page(run).read_text(encoding="utf-8"))
    assert "send both" in page.text
    shown = [image["src"] or "" for image in page.all("img")]
    assert shown == ["products/plot.each/a%20b/fit.png", "products/plot.each/b/fit.png"]
    assert {image["loading"] for image in page.all("img")} == {"lazy"}
    assert all((run / unquote(name)).read_bytes() == PNG for name in shown)
    (policy,) = [a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data: 'self' file:"


def test_a_flux_names_all_that_it_holds_for_where_others_differ(tmp_path: Path) -> None:
    one = fit_record()["flux"][0]
    data = [dataset("EPN"), {**dataset("EPN"), "obsid": "2"}, dataset("FPMB")]
    both = [{**one, "datasets": [0, 2]}, {**one, "dataset": 1, "datasets": [1]}]
    page = page_of(tmp_path, [Fit(record=fit_record(datasets=data, flux=both))])
    first = " ".join(str(data[0][key]) for key in ("obsid", "instrument", "spectrum"))
    assert f"3-79 keV unabsorbed {first}, FPMB" in page.text
    page = page_of(tmp_path / "alone", [Fit(record=fit_record(datasets=data, flux=both[:1]))])
    assert "3-79 keV unabsorbed" in page.text and f"unabsorbed {first}" not in page.text


def test_a_plot_that_was_not_asked_for_is_not_missed(tmp_path: Path) -> None:
    run = make_run(tmp_path, [Fit()]).write()
    manifest = json.loads((run / "manifest.json").read_text())
    for one in manifest["steps"]:
        if one["task"] == "plot":
            one |= {"outcome": "not selected", "outputs": {}}
    (run / "manifest.json").write_text(json.dumps(manifest))
    page = Page(write_page(run).read_text(encoding="utf-8"))
    assert "There is no plot of this fit: it was not asked for." in page.text
