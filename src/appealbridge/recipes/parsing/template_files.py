"""Reads the template files of a step: templates/name.html and name.txt become its `html` and `text`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from appealbridge.documents import Path, nearest
from appealbridge.plugin.channel import AnyChannel
from appealbridge.recipes.parsing.context import ParsingContext
from appealbridge.recipes.parsing.options import Filler, Leaf
from appealbridge.recipes.templates.expression import Expression, compile_template
from appealbridge.recipes.templates.scope import Scope, Unfillable
from appealbridge.recipes.templates.syntax import Malformed

_FIELDS = {"html": ".html", "text": ".txt"}


def from_template(
    reading: ParsingContext,
    plugin: AnyChannel,
    value: Mapping[str, Any],
    right: Mapping[str, Any],
    path: Path,
) -> dict[str, Filler]:
    """
    Return the options that come from the files of the step's template; none if it names no template.

    `right` are the valid options of the step.
    """
    if "template" not in value:
        return {}
    where = (*path, "template")
    if not _FIELDS.keys() <= plugin.message.model_fields.keys():
        reading.complain(
            where,
            f'"template" cannot be used with "{plugin.action}"',
            "write its text here",
            key=True,
        )
        return {}
    # An empty text, so that a missing template is not also reported as a missing text.
    as_if_found = {} if "text" in value else {"text": Filler((), lambda _: "", "")}
    if "template" not in right:
        return as_if_found
    name = right["template"]
    for field in _FIELDS:
        if field in value:
            reading.complain(
                (*path, field), f'"{field}" comes from the template', "leave one out", key=True
            )
    try:
        fields = {f: reading.template(name + ending) for f, ending in _FIELDS.items()}
    except ValueError as error:
        problem, _, cure = str(error).partition("; ")
        reading.complain(where, f'template "{name}" {problem}', cure)
        return as_if_found
    texts = {f: text for f, text in fields.items() if text is not None}
    if not texts:
        near = nearest(name, reading.template_names())
        cure = f'did you mean "{near}"?' if near else f"write templates/{name}.html or {name}.txt"
        reading.complain(where, f'no template "{name}"', cure)
        return as_if_found
    return {f: _filler(reading, text, name + _FIELDS[f], (*path, f)) for f, text in texts.items()}


def _filler(reading: ParsingContext, text: str, file: str, path: Path) -> Filler:
    with reading.inside(f"templates/{file}", text):
        try:
            expression = compile_template(text, html=file.endswith(".html"))
            chains = expression.chains
        except Malformed as flaw:
            reading.malformed(path, flaw)
            expression, chains = compile_template(""), flaw.chains
        for chain in chains:
            reading.check_chain(path, chain)
    leaf = Leaf(path, _as_text(expression, file))
    return Filler((leaf,), leaf.bound(), expression.literal)


def _as_text(expression: Expression, file: str) -> Expression:
    """Return the expression with its value as text, and with the file's name in its errors."""
    fill = expression.fill

    def filled(scope: Scope) -> Any:
        try:
            value = fill(scope)
        except Unfillable as failure:
            raise Unfillable(f"in templates/{file}, {failure}") from None
        return value if isinstance(value, str) else str(value)

    return replace(expression, fill=filled)
