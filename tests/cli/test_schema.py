"""The schemas that ``xbatch schema`` prints."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator

from xbatch.cli.schema import SCHEMAS, command


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_prints_a_valid_draft_07_schema(name: str) -> None:
    result = CliRunner().invoke(command, [name])
    assert result.exit_code == 0
    Draft7Validator.check_schema(json.loads(result.output))


def test_the_specs_schema_is_the_default() -> None:
    assert CliRunner().invoke(command).output == CliRunner().invoke(command, ["analysis"]).output
