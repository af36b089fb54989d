"""Every code that a problem of a spec may have, with what it means: the errors page of the docs is made of it.

XB0 is reading, XB1 references and selectors, XB2 keys and values, XB3 models and fits, XB4 what a plan finds missing,
XB5 what an XSPEC file says that cannot be taken over.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from xbatch.spec.code import Code
from xbatch.spec.codes_content import CONTENT
from xbatch.spec.codes_plan import PLAN
from xbatch.spec.codes_text import TEXT

__all__ = ["CODES", "Code"]

CODES: Mapping[str, Code] = MappingProxyType({**TEXT, **CONTENT, **PLAN})
