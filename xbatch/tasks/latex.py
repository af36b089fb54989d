r"""Parameters of fits as a LaTeX table: ``value^{+a}_{-b}``, a block of rows for each fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xbatch.base.numbers import plain_number, rounded, unit_parts
from xbatch.ogip.tables import latex_escape
from xbatch.tasks.fitwords import fit_notes, flux_label, is_left_out, parameter_state

__all__ = ["latex_number", "parameters_latex"]

_STATISTICS = {"chi2": r"$\chi^2$", "cstat": "C-stat", "cash": "Cash", "wstat": "W-stat", "pgstat": "PG-stat"}


def latex_number(value: float, minus: float | None = None, plus: float | None = None) -> str:
    r"""Write a value with its errors for LaTeX's text mode, rounded to the second digit of the smaller error.

    Examples
    --------
    >>> latex_number(1.98765, 0.0213, 0.0309)
    '$1.988^{+0.031}_{-0.021}$'
    >>> latex_number(3.456e-12, 1.2e-13, 1.2e-13)
    '$(3.46\\pm0.12)\\times10^{-12}$'
    """
    number = rounded(value, minus, plus)
    if number.minus and number.minus == number.plus:
        body = rf"{number.value}\pm{number.plus}"
    else:
        above = f"^{{+{number.plus}}}" if number.plus else ""
        below = f"_{{-{number.minus}}}" if number.minus else ""
        body = f"{number.value}{above}{below}"
    if number.exponent:
        body = f"({body})" if r"\pm" in body else body
        body += rf"\times10^{{{number.exponent}}}"
    return f"${body}$"


def parameters_latex(
    entries: Sequence[Mapping[str, Any]], fits: Sequence[Mapping[str, Any] | None], axes: Sequence[str]
) -> str:
    """Write the table of the parameters of fits: a plain ``tabular``, which needs no package.

    Parameters
    ----------
    entries : sequence of Mapping
        The fits asked for: ``{role, fit, member, values}``.
    fits : sequence of Mapping or None
        The content of fit.json of each; None where the fit failed.
    axes : sequence of str
        The swept paths; each is a column.

    Returns
    -------
    str
        With a newline at the end. Notes stand below the table, numbered where they belong.
    """
    notes: list[str] = []
    head = [*(latex_escape(_last(axis)) for axis in axes), "Fit", "Parameter", "Unit", "Value"]
    lines = [rf"\begin{{tabular}}{{{'l' * len(head)}}}", r"\hline", _line(head), r"\hline"]
    for entry, fit in zip(entries, fits, strict=True):
        swept = [latex_escape(str(entry["values"].get(axis, ""))) for axis in axes]
        name = str(entry["fit"]).partition("~")[0]
        body = [("--", "", "failed")] if fit is None else _block(fit, notes)
        for number, cells in enumerate(body):
            first = [*swept, latex_escape(name)] if number == 0 else [""] * (len(axes) + 1)
            lines.append(_line([*first, *cells]))
        lines.append(r"\hline")
    lines.append(r"\end{tabular}")
    lines += [rf"\par\noindent$^{{{number}}}$ {latex_escape(note)}" for number, note in enumerate(notes, 1)]
    return "\n".join(lines) + "\n"


def _block(fit: Mapping[str, Any], notes: list[str]) -> list[tuple[str, str, str]]:
    def mark(texts: Sequence[str]) -> str:
        numbers = []
        for text in texts:
            if text not in notes:
                notes.append(text)
            numbers.append(str(notes.index(text) + 1))
        return f"$^{{{','.join(numbers)}}}$" if numbers else ""

    if is_left_out(fit):
        return [("--", "", f"left out{mark(fit_notes(fit))}")]
    rows = []
    for parameter in fit["parameters"]:
        state = parameter_state(parameter)
        value = latex_number(parameter["value"], parameter["error_minus"], parameter["error_plus"])
        if state != "free":
            value = f"{_given(parameter['value'])} ({'fixed' if state == 'frozen' else state})"
        texts = [parameter["error_note"]] if parameter["error_note"] else []
        rows.append((latex_escape(parameter["name"]), latex_unit(parameter["unit"]), value + mark(texts)))
    for flux in fit["flux"]:
        label = flux_label(fit, flux)
        rows.append((latex_escape(label), latex_unit("erg cm^-2 s^-1"), _with_errors(flux, "energy_flux")))
        if flux.get("luminosity") is not None:
            name = label.replace("flux", "luminosity", 1)
            rows.append((latex_escape(name), latex_unit("erg s^-1"), _with_errors(flux, "luminosity")))
    statistic = _STATISTICS.get(fit["statistic"], latex_escape(fit["statistic"]))
    rows.append((f"{statistic} / d.o.f.", "", f"{fit['stat_value']:.2f} / {fit['dof']}{mark(fit_notes(fit))}"))
    return rows


def _with_errors(flux: Mapping[str, Any], key: str) -> str:
    return latex_number(flux[key], flux.get(f"{key}_minus"), flux.get(f"{key}_plus"))


def _given(value: float) -> str:
    """Write a value that was given, not found, with the digits it was given."""
    mantissa, _, exponent = plain_number(value).partition("e")
    return rf"${mantissa}\times10^{{{int(exponent)}}}$" if exponent else f"${mantissa}$"


def latex_unit(unit: str) -> str:
    r"""Set the powers of a unit high, whether written ``cm^-2``, ``cm**-2`` or ``cm-2``.

    Examples
    --------
    >>> latex_unit("10^22 cm^-2")
    '10$^{22}$ cm$^{-2}$'
    """
    return " ".join(
        rf"{latex_escape(word)}$^{{{power}}}$" if power else latex_escape(word) for word, power in unit_parts(unit)
    )


def _last(axis: str) -> str:
    return axis.rpartition(".")[2]


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
