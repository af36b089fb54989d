"""XSPEC's own models, as the Sherpa that is installed names them; nothing of Sherpa is imported.

Sherpa has one class for each model of XSPEC in ``sherpa/astro/xspec/__init__.py``, which comes with every Sherpa.
Names, kinds and parameters are read from the text of that file; whether the models can be computed, from the compiled
module beside it, which only a Sherpa that was built with XSPEC has.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

from xbatch.base.errors import FileError
from xbatch.spec.components import NORM, ComponentDef, ParameterDef

__all__ = ["OF_FACTORS", "XSPEC_CURE", "XSPEC_PREFIX", "XspecModels", "installed_models", "is_xspec", "xspec_models"]

#: What stands before the name of a model of XSPEC: ``xs:apec``.
XSPEC_PREFIX = "xs:"
#: What gives Sherpa the models of XSPEC.
XSPEC_CURE = (
    "conda install -c https://cxc.cfa.harvard.edu/conda/ciao -c conda-forge sherpa brings both; or build Sherpa with "
    "XSPEC"
)
#: Those that enclose factors as well as additive components.
OF_FACTORS = frozenset(f"{XSPEC_PREFIX}{name}" for name in ("partcov", "vmshift", "zmshift"))

_KINDS = {"XSAdditiveModel": "add", "XSMultiplicativeModel": "mul", "XSConvolutionKernel": "con"}
# Compiled where they are used: few specs name these models.
_CLASS = rf"(?m)^class XS(\w+)\(({'|'.join(_KINDS)})\):\n(?:(?:[ \t].*)?\n)*"
_MAKER = r"(?m)^def (mk\w+)\((?:.*\n)+?(?:    return .*\n(?:[ \t]{5,}.*\n)*)"
# The arguments of Sherpa's parameters, in order.
_ARGUMENTS = ("model", "name", "val", "min", "max", "hard_min", "hard_max", "units", "frozen", "alwaysfrozen")
_CONSTRUCTORS = {"XSParameter": True, "XSBaseParameter": True, "Parameter": False}
# Sherpa's largest number stands where there is no limit.
_HUGE = 3.4028234663852886e38


def is_xspec(kind: str) -> bool:
    """Say whether a component's type is a model of XSPEC: ``xs:apec``."""
    return kind.startswith(XSPEC_PREFIX)


@dataclass(frozen=True)
class XspecModels:
    """The models of XSPEC that a Sherpa knows.

    Attributes
    ----------
    source : Path or None
        The file of the classes; None where there is no Sherpa.
    compiled : bool
        The models can be computed.
    """

    source: Path | None
    compiled: bool

    @property
    def names(self) -> list[str]:
        """All models, in lower case."""
        return list(self._classes())

    def definition(self, name: str) -> ComponentDef | None:
        """Give what is known of a model, whatever the case of its name; None where there is no such model.

        Raises
        ------
        FileError
            The file of the classes has a form that is not known.
        """
        return _definition(str(self.source), name.casefold()) if name.casefold() in self._classes() else None

    def _classes(self) -> Mapping[str, tuple[str, str]]:
        return {} if self.source is None else _classes(str(self.source))


def xspec_models(folder: Path | None) -> XspecModels:
    """Look for XSPEC's models in the folder of a Sherpa."""
    source = None if folder is None else folder / "astro" / "xspec" / "__init__.py"
    if source is None or not source.is_file():
        return XspecModels(None, False)
    return XspecModels(source, any((source.parent / f"_xspec{suffix}").is_file() for suffix in EXTENSION_SUFFIXES))


def installed_models() -> XspecModels:
    """Look for XSPEC's models in the Sherpa that is installed, which is not imported."""
    spec = importlib.util.find_spec("sherpa")
    folders = None if spec is None else spec.submodule_search_locations
    return xspec_models(Path(folders[0]) if folders else None)


@lru_cache(maxsize=4)
def _text(source: str) -> str:
    return Path(source).read_text(encoding="utf-8")


@lru_cache(maxsize=4)
def _classes(source: str) -> Mapping[str, tuple[str, str]]:
    """Give kind and text of the class of each model, by its name in lower case."""
    return {found[1].casefold(): (_KINDS[found[2]], found[0]) for found in re.finditer(_CLASS, _text(source))}


@lru_cache(maxsize=256)
def _definition(source: str, name: str) -> ComponentDef:
    kind, text = _classes(source)[name]
    try:
        parameters = _parameters(ast.parse(text).body[0], _makers(source))
    except (SyntaxError, KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        cure = "Install another version of Sherpa"
        raise FileError(source, f"says of {name} what cannot be read ({error})", cure) from error
    if kind == "add" and (not parameters or parameters[-1].name != NORM.name):
        parameters = (*parameters, NORM)
    return ComponentDef(XSPEC_PREFIX + name, kind, parameters)


@lru_cache(maxsize=4)
def _makers(source: str) -> Mapping[str, ast.FunctionDef]:
    """Give the functions of the file that make parameters which many models have."""
    tree = ast.parse("\n".join(found[0] for found in re.finditer(_MAKER, _text(source))))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _parameters(model: ast.AST, makers: Mapping[str, ast.FunctionDef]) -> tuple[ParameterDef, ...]:
    """Read the parameters of a class: those that its constructor hands on, in that order."""
    assert isinstance(model, ast.ClassDef)
    constructor = next(node for node in model.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    reader = _Reader(makers, {})
    for statement in constructor.body:
        if isinstance(statement, ast.Assign):
            reader.names[_word(statement.targets[0])] = reader.value(statement.value)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            return tuple(reader.value(statement.value.args[-1]))
    raise ValueError("no call of the base class")


@dataclass
class _Reader:
    """Reads the few expressions of which constructors are made: constants, names, tuples, parameters."""

    makers: Mapping[str, ast.FunctionDef]
    names: dict[str, Any]

    def value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Tuple | ast.List):
            return tuple(self.value(item) for item in node.elts)
        if isinstance(node, ast.Call):
            return self._made(node)
        if isinstance(node, ast.IfExp):
            return self.value(node.body if self.value(node.test) else node.orelse)
        if isinstance(node, ast.Name | ast.Attribute):
            known = {"hugeval": _HUGE, "name": "", **self.names}
            if _word(node) not in known:
                raise ValueError(f"the unknown name {ast.unparse(node)}")
            return known[_word(node)]
        return ast.literal_eval(node)

    def _made(self, call: ast.Call) -> Any:
        name = ast.unparse(call.func)
        given = [self.value(one) for one in call.args]
        named: dict[str, Any] = {}
        for one in call.keywords:
            named |= self.value(one.value) if one.arg is None else {one.arg: self.value(one.value)}
        if name in _CONSTRUCTORS:
            return _parameter({**dict(zip(_ARGUMENTS, given, strict=False)), **named}, _CONSTRUCTORS[name])
        maker = self.makers[name]
        return _Reader(self.makers, self._bound(maker.args, given, named))._returned(maker)

    def _bound(self, arguments: ast.arguments, given: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        names = [one.arg for one in arguments.args]
        defaults = [self.value(one) for one in arguments.defaults]
        more = {key: value for key, value in named.items() if key not in names}
        return {
            **({arguments.kwarg.arg: more} if arguments.kwarg else {}),
            **dict(zip(names[len(names) - len(defaults) :], defaults, strict=True)),
            **dict(zip(names, given, strict=False)),
            **named,
        }

    def _returned(self, maker: ast.FunctionDef) -> Any:
        for statement in maker.body:
            if isinstance(statement, ast.Assign):
                self.names[_word(statement.targets[0])] = self.value(statement.value)
            elif isinstance(statement, ast.Return) and statement.value is not None:
                return self.value(statement.value)
        raise ValueError(f"{maker.name} makes nothing")


def _word(node: ast.expr) -> str:
    """Give a name; those of a model's parameters are the same in any case."""
    text = ast.unparse(node)
    return text.casefold() if text.startswith("self.") else text


def _parameter(said: Mapping[str, Any], of_xspec: bool) -> ParameterDef:
    """Make a parameter; those that XSPEC has are held by XSPEC's hard limits, the norm by its own."""
    low, high = ("hard_min", "hard_max") if of_xspec else ("min", "max")
    switch = bool(said.get("alwaysfrozen", False))
    return ParameterDef(
        str(said["name"]),
        float(said["val"]),
        float(said.get(low, -_HUGE)),
        float(said.get(high, _HUGE)),
        str(said.get("units", "")),
        switch or bool(said.get("frozen", False)),
        switch,
    )
