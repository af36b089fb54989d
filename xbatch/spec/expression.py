"""Model expressions to trees: ``tbabs.gal * (powerlaw.pl + gaussian.fe)``, ``tbabs.gal * cflux.f(powerlaw.pl)``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xbatch.base.errors import FileError
from xbatch.base.fitsheader import find_file
from xbatch.spec.components import COMPONENTS, ComponentDef, component_type
from xbatch.spec.paths import joined
from xbatch.spec.report import listed, nearest, shown
from xbatch.spec.tablemodels import TABLE_KINDS, definition, table_definition, table_kind
from xbatch.spec.xspecmodels import OF_FACTORS, XSPEC_CURE, XSPEC_PREFIX, XspecModels, installed_models, is_xspec

__all__ = ["ExpressionError", "Model", "parse_model"]

_TOKEN = re.compile(
    r"\s*(?:(?P<word>(?:[Xx][Ss]:)?[A-Za-z_][\w-]*(?:\{[^{}]*\})?(?:\s*\.\s*[\w-]+)?)|(?P<number>[0-9.]+)|(?P<sign>.))",
    re.ASCII | re.DOTALL,
)
_WORD = re.compile(r"((?:[Xx][Ss]:)?[\w-]+)(?:\{([^{}]*)\})?(?:\s*\.\s*([\w-]+))?", re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}", re.ASCII)
_XSPEC_SHORT = {
    "bb": "bbody",
    "bkn": "bknpower",
    "bknp": "bknpower",
    "bknpo": "bknpower",
    "bknpow": "bknpower",
    "brem": "bremss",
    "brems": "bremss",
    "con": "constant",
    "const": "constant",
    "cut": "cutoffpl",
    "cutoff": "cutoffpl",
    "cutpl": "cutoffpl",
    "diskb": "diskbb",
    "ga": "gaussian",
    "gau": "gaussian",
    "gaus": "gaussian",
    "gauss": "gaussian",
    "highe": "highecut",
    "lor": "lorentz",
    "pcf": "pcfabs",
    "pha": "phabs",
    "po": "powerlaw",
    "pow": "powerlaw",
    "tb": "tbabs",
    "tba": "tbabs",
    "wa": "wabs",
    "zbb": "zbbody",
    "zga": "zgauss",
    "zgau": "zgauss",
    "zpha": "zphabs",
    "zpo": "zpowerlw",
    "zpow": "zpowerlw",
    "ztb": "ztbabs",
    "ztba": "ztbabs",
}
_DEEPEST = 50


class ExpressionError(ValueError):
    """What is wrong with an expression, and at which character of it."""

    def __init__(self, code: str, position: int, message: str, hint: str = "") -> None:
        self.code = code
        self.position = position
        self.message = message
        self.hint = hint
        super().__init__(message)


@dataclass(frozen=True)
class Model:
    """A model: its tree (see `FitJob.model`) and its components, name to type, in order of appearance.

    The type of a table model has its file: ``atable{/home/me/reflection.fits}``.
    """

    tree: Mapping[str, Any]
    components: Mapping[str, str]


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int


@dataclass(frozen=True)
class _Part:
    """A piece of a model: its tree, whether it is additive (``add``) or multiplicative (``mul``), where it begins."""

    tree: Mapping[str, Any]
    kind: str
    position: int
    text: str


def parse_model(text: str, folder: Path | None = None, xspec: XspecModels | None = None) -> Model:
    """Parse a model expression.

    Parameters
    ----------
    text : str
        Components ``type.name`` with ``+``, ``*`` and parentheses; one that encloses others is ``type.name(...)``,
        a table model ``atable{file}.name``, a model of XSPEC ``xs:type.name``.
    folder : Path, optional
        That of a table model's file; the working directory if it is not given.
    xspec : XspecModels, optional
        The models of XSPEC; those of the Sherpa that is installed if they are not given.

    Raises
    ------
    ExpressionError
        The first thing wrong with it.

    Examples
    --------
    >>> parse_model("tbabs.gal * powerlaw.pl").tree
    {'op': '*', 'args': [{'component': 'gal'}, {'component': 'pl'}]}
    """
    parser = _Parser(text, folder or Path(), xspec)
    part = parser.sum(0)
    token = parser.token
    if token.kind != "end":
        raise ExpressionError("XB301", token.position, f"{shown(token.text)} is not expected here", _after_hint(token))
    if part.kind == "mul":
        hint = "multiply an additive one, as in tbabs.gal * powerlaw.pl"
        raise ExpressionError("XB305", part.position, "the model has no additive component", hint)
    return Model(part.tree, parser.components)


def _after_hint(token: _Token) -> str:
    if token.text == ")":
        return "it closes nothing"
    return (
        "join components with * or +"
        if token.kind in {"word", "number"} or token.text == "("
        else "operators are + * ( )"
    )


class _Parser:
    """A recursive descent through the tokens: sums of products of components."""

    def __init__(self, text: str, folder: Path, xspec: XspecModels | None) -> None:
        self.tokens = _tokens(text)
        self.folder = folder
        self.given = xspec
        self.number = 0
        self.components: dict[str, str] = {}

    @property
    def token(self) -> _Token:
        return self.tokens[self.number]

    def sum(self, depth: int) -> _Part:
        if depth > _DEEPEST:
            raise ExpressionError("XB301", self.token.position, f"more than {_DEEPEST} parentheses deep", "use fewer")
        parts = [self.product(depth)]
        while self.token.text == "+":
            self.number += 1
            parts.append(self.product(depth))
        if len(parts) == 1:
            return parts[0]
        for part in parts:
            if part.kind != "add":
                message = f"{part.text} is multiplicative, and only additive components can be added"
                raise ExpressionError("XB305", part.position, message, "multiply it: use *")
        return _Part(_joined("+", parts), "add", parts[0].position, "the sum")

    def product(self, depth: int) -> _Part:
        parts = [self.factor(depth)]
        while self.token.text == "*":
            self.number += 1
            parts.append(self.factor(depth))
        if len(parts) == 1:
            return parts[0]
        additive = [part for part in parts if part.kind == "add"]
        if len(additive) > 1:
            message = f"{additive[1].text} is additive, as {additive[0].text} is: they cannot be multiplied"
            raise ExpressionError("XB305", additive[1].position, message, "add them: use +")
        return _Part(_joined("*", parts), "add" if additive else "mul", parts[0].position, "the product")

    def factor(self, depth: int) -> _Part:
        token = self.token
        if token.text == "(":
            return self.enclosed(depth)
        if token.kind == "word":
            self.number += 1
            part = self.component(token)
            return self.enclosing(part, depth) if part.kind == "con" else part
        if token.kind == "number":
            message = f"the number {shown(token.text)} is not a component"
            raise ExpressionError("XB301", token.position, message, "use constant.name, and set its factor")
        what = "the expression ends" if token.kind == "end" else shown(token.text) + " stands"
        raise ExpressionError(
            "XB301", token.position, f"{what} where a component is wanted", "components are type.name"
        )

    def enclosed(self, depth: int) -> _Part:
        """Read what stands between the parenthesis here and the one that closes it."""
        opened = self.token
        self.number += 1
        part = self.sum(depth + 1)
        if self.token.text != ")":
            hint = f"the parenthesis at character {opened.position + 1} is not closed"
            raise ExpressionError("XB301", self.token.position, "a closing parenthesis is missing", hint)
        self.number += 1
        return part

    def enclosing(self, outer: _Part, depth: int) -> _Part:
        """Read the part of the model that a component such as ``cflux`` encloses."""
        if self.token.text != "(":
            message = f"{outer.text} encloses a part of the model, and no parenthesis follows"
            raise ExpressionError("XB301", self.token.position, message, f"as in {outer.text}(powerlaw.pl)")
        inner = self.enclosed(depth)
        if inner.kind != "add" and self.components[outer.tree["component"]] not in OF_FACTORS:
            message = f"what {outer.text} encloses has no additive component"
            raise ExpressionError("XB305", inner.position, message, f"as in {outer.text}(tbabs.gal * powerlaw.pl)")
        tree = {"op": "con", "by": outer.tree["component"], "args": [inner.tree]}
        return _Part(tree, inner.kind, outer.position, outer.text)

    def component(self, token: _Token) -> _Part:
        word = _WORD.fullmatch(token.text)
        assert word is not None
        written, file, name = word[1], word[2], word[3] or ""
        kind = written.casefold()
        if kind in TABLE_KINDS or file is not None:
            return self.named(token, written, name, self.table(token, kind, file))
        if is_xspec(kind):
            return self.named(token, written, name, self.of_xspec(token, kind))
        kind = component_type(written)
        if not kind:
            raise ExpressionError("XB302", token.position, f"no component {shown(written)}", self.unknown_hint(written))
        return self.named(token, written, name, kind)

    @property
    def xspec(self) -> XspecModels:
        return self.given or installed_models()

    def unknown_hint(self, written: str) -> str:
        """Say what may have been meant by a type that there is not."""
        if written.casefold() in self.xspec.names:
            return f"it is a model of XSPEC's: write {XSPEC_PREFIX}{written}, which needs a Sherpa built with XSPEC"
        short = _XSPEC_SHORT.get(written.casefold())
        close = short or nearest(written, COMPONENTS)
        known = "" if short else f"known: {listed(COMPONENTS)}"
        return " ".join(filter(None, (f"did you mean '{close}'?" if close else "", known)))

    def of_xspec(self, token: _Token, kind: str) -> str:
        """Give the type of a model of XSPEC, and see that it is there and can be computed."""
        name = kind.removeprefix(XSPEC_PREFIX)
        if not self.xspec.compiled:
            lacking = "Sherpa, which has them, is not installed"
            if self.xspec.source is not None:
                lacking = "the Sherpa that is installed was built without XSPEC"
            message = f"{kind} is one of XSPEC's own models, and {lacking}"
            raise ExpressionError("XB326", token.position, message, XSPEC_CURE)
        try:
            known = self.xspec.definition(name)
        except FileError as error:
            raise ExpressionError("XB302", token.position, f"{error.file} {error.what}", error.cure) from error
        if known is None:
            close = nearest(name, self.xspec.names)
            hint = f"did you mean '{XSPEC_PREFIX}{close}'?" if close else "XSPEC's manual lists them"
            raise ExpressionError("XB302", token.position, f"XSPEC has no model {shown(name)} that Sherpa knows", hint)
        return kind

    def table(self, token: _Token, kind: str, file: str | None) -> str:
        """Give the type of a table model, and see that its file has its parameters."""
        if kind not in TABLE_KINDS:
            hint = f"tables are {', '.join(TABLE_KINDS)}"
            raise ExpressionError("XB301", token.position, f"{shown(token.text)} is no table, and has a file", hint)
        if not (file or "").strip():
            message = f"{kind} needs the file of a table model"
            raise ExpressionError("XB301", token.position, message, f"as in {kind}{{reflection.fits}}.NAME")
        path = joined(self.folder, str(file).strip()).absolute()
        try:
            table_definition(kind, path)
        except FileError as error:
            at = token.position + token.text.index("{") + 1
            raise ExpressionError("XB322", at, f"{error.file} {error.what}", error.cure) from error
        return table_kind(kind, find_file(path) or path)

    def named(self, token: _Token, written: str, name: str, kind: str) -> _Part:
        """Take a component's name."""
        if not name:
            hint = f"write {written}.NAME; parameters are then NAME.{self.known(kind).parameters[0].name}"
            raise ExpressionError("XB303", token.position, f"the component {shown(written)} has no name", hint)
        at = token.position + token.text.rindex(name)
        if not _NAME.fullmatch(name):
            hint = "a letter first, then letters, digits, _ or -, at most 32"
            raise ExpressionError("XB303", at, f"{shown(name)} is not a name", hint)
        if name.casefold() in {known.casefold() for known in self.components}:
            hint = "give each a name of its own; 'link' ties their parameters"
            raise ExpressionError("XB304", at, f"two components are named {shown(name)}", hint)
        self.components[name] = kind
        return _Part({"component": name}, self.known(kind).kind, token.position, f"{written}.{name}")

    def known(self, kind: str) -> ComponentDef:
        """Give what is known of a type that has been checked."""
        found = self.xspec.definition(kind.removeprefix(XSPEC_PREFIX)) if is_xspec(kind) else definition(kind)
        assert found is not None
        return found


def _joined(sign: str, parts: list[_Part]) -> Mapping[str, Any]:
    args: list[Mapping[str, Any]] = []
    for part in parts:
        if part.tree.get("op") == sign:
            args += part.tree["args"]
        else:
            args.append(part.tree)
    return {"op": sign, "args": args}


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    end = len(text.rstrip())
    position = 0
    while position < end:
        found = _TOKEN.match(text, position)
        assert found is not None and found.lastgroup is not None
        group = found.lastgroup
        tokens.append(_Token(group, found[group], found.start(group)))
        position = found.end()
    tokens.append(_Token("end", "", end))
    return tokens
