"""The pages that are made of the schema and the codes are up to date, and every code of the package is in them."""

from __future__ import annotations

import re
from pathlib import Path

import xbatch
from xbatch.spec.codes import CODES
from xbatch.spec.component_page import COMPONENT_MARK, DESCRIBED, component_page
from xbatch.spec.components import COMPONENTS
from xbatch.spec.reference import MARK, errors_page, spec_reference, write_pages
from xbatch.spec.schema import load_schema

DOCS = Path(__file__).parents[2] / "docs"


def test_page_of_errors_is_up_to_date() -> None:
    assert (DOCS / "errors.md").read_text(encoding="utf-8") == errors_page()
    for code, entry in CODES.items():
        assert f"### {code}: {entry.title}\n" in errors_page()


def test_page_of_the_spec_is_up_to_date() -> None:
    before, mark, after = (DOCS / "spec.md").read_text(encoding="utf-8").partition(MARK)
    assert mark + after == spec_reference(load_schema())
    assert before.startswith("# The spec")


def test_page_of_components_is_up_to_date() -> None:
    before, mark, after = (DOCS / "components.md").read_text(encoding="utf-8").partition(COMPONENT_MARK)
    assert mark + after == component_page()
    assert before.startswith("# Spectral components")
    assert set(DESCRIBED) == set(COMPONENTS)
    for name, component in COMPONENTS.items():
        assert f"| `{name}` | `{component.parameters[0].name}` " in after


def test_reference_names_every_key_of_the_schema() -> None:
    schema, page = load_schema(), spec_reference(load_schema())

    def keys(rule: object) -> set[str]:
        if isinstance(rule, dict):
            mine = set(rule.get("properties", {})) if isinstance(rule.get("properties"), dict) else set()
            return mine.union(*(keys(child) for child in rule.values()))
        return set().union(*(keys(child) for child in rule)) if isinstance(rule, list) else set()

    missing = {key for key in keys(schema.root) if f"`{key}`" not in page}
    assert not missing


def test_pages_are_written_and_what_stands_before_the_mark_is_kept(tmp_path: Path) -> None:
    (tmp_path / "spec.md").write_text(f"# Mine\n\n{MARK}\nold\n", encoding="utf-8")
    write_pages(tmp_path)
    assert (tmp_path / "spec.md").read_text(encoding="utf-8").startswith(f"# Mine\n\n{MARK}\n\n## All keys")
    assert (tmp_path / "errors.md").is_file()


def test_every_code_in_the_package_is_in_the_table() -> None:
    package = Path(xbatch.__file__).parent
    used = {code for source in package.rglob("*.py") for code in re.findall(r'"(XB\d{3})"', source.read_text("utf-8"))}
    assert used == set(CODES)
