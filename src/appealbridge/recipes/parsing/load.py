"""Turns the text of one file into a recipe, or into a list of its mistakes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from appealbridge.documents import InvalidDocuments, Path, Problem, read, texts_in, unexpected
from appealbridge.documents.diagnostic import first_of
from appealbridge.documents.recovery import read_rest
from appealbridge.recipes.conditions.conditions import every
from appealbridge.recipes.model.entries import DECIDES
from appealbridge.recipes.model.flow import waits
from appealbridge.recipes.model.index_hints import index_hints_in
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.model.schema import Shape
from appealbridge.recipes.model.step import Step
from appealbridge.recipes.parsing.actions import read_actions
from appealbridge.recipes.parsing.catalogue import Catalogue
from appealbridge.recipes.parsing.conditions import read_conditions
from appealbridge.recipes.parsing.context import ParsingContext
from appealbridge.recipes.parsing.field_names import fields_of, types_of
from appealbridge.recipes.parsing.lint import note_mistakes
from appealbridge.recipes.parsing.paths import first_of_each, posts_in, step_ids, waits_in
from appealbridge.recipes.parsing.people import check_name, read_people
from appealbridge.recipes.parsing.published import note_no_limit
from appealbridge.recipes.parsing.secrets import TAGS, secrets_in, without_secrets
from appealbridge.recipes.parsing.tests import check_tests
from appealbridge.recipes.parsing.triggers import read_triggers
from appealbridge.recipes.templates.expression import Expression
from appealbridge.recipes.templates.public_text import mentions_in
from appealbridge.recipes.templates.scope import BUILT_IN_NAMES, Scope

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_OF_A_RECIPE = frozenset(("alias", "triggers", "actions", "conditions", "tests"))


def load_recipe(
    text: str | bytes,
    file: str,
    name: str,
    catalogue: Catalogue,
    templates: Mapping[str, str] | None = None,
) -> tuple[Recipe | None, list[Problem]]:
    """
    Return the recipe, `None` if it has errors, and its problems in the order of lines, if they are not too many.

    `templates` are the texts of template files by name, instead of those in the catalogue's folder.
    Nothing is raised: any error becomes a problem of this recipe.
    """
    try:
        recipe, problems = _loaded(text, file, name, catalogue, templates)
        return recipe, first_of(problems)
    except Exception as error:  # noqa: BLE001 - one file must not take the others along
        return None, without_secrets([unexpected(file, error)], [])


def _loaded(
    text: str | bytes,
    file: str,
    name: str,
    catalogue: Catalogue,
    templates: Mapping[str, str] | None,
) -> tuple[Recipe | None, list[Problem]]:
    try:
        document = read(text, file, TAGS)
    except InvalidDocuments as failure:
        return None, _still_found(text, file, name, catalogue, templates, failure)
    reading = ParsingContext(document, catalogue, templates)
    recipe = _read(reading, name)
    _note_unused(reading)
    note_mistakes(reading)
    secrets = secrets_in(document)
    clean = without_secrets(reading.problems + secrets, secrets)
    problems = sorted(clean, key=lambda p: (p.file != file, p.line, p.column))
    broken = any(problem.level == "error" for problem in problems)
    return None if broken else recipe, problems


def _still_found(
    text: str | bytes,
    file: str,
    name: str,
    catalogue: Catalogue,
    templates: Mapping[str, str] | None,
    failure: InvalidDocuments,
) -> list[Problem]:
    """Return the syntax errors of a file, and the errors in what can be read of it all the same."""
    rest = read_rest(text, file, TAGS)
    if rest is None or not isinstance(rest.document.value, dict):
        return without_secrets([*failure.problems], [])
    reading = ParsingContext(rest.document, catalogue, templates)
    _read(reading, name)
    relevant = [problem for problem in reading.problems if rest.concerns(problem)]
    if not isinstance(rest.document.value.get("variables", {}), dict):
        relevant = [problem for problem in relevant if "unknown name" not in problem.problem]
    secrets = secrets_in(rest.document)
    clean = without_secrets([*rest.problems, *relevant, *secrets], secrets)
    return sorted(clean, key=lambda p: (p.file != file, p.line, p.column))


def _read(reading: ParsingContext, name: str) -> Recipe | None:
    document = reading.document
    if not isinstance(document.value, dict):
        reading.complain(
            (), "this is not a recipe", "a recipe begins with alias:, triggers: and actions:"
        )
        return None
    if (
        document.value
        and not document.value.keys() & _OF_A_RECIPE
        and document.file.endswith(".json")
    ):
        cure = "if it is the body of a webhook, name that with --webhook"
        reading.complain((), "this is not a recipe", cure)
        return None
    if not _NAME.fullmatch(name):
        message = f'a recipe cannot be called "{name}"'
        cure = "rename the file, with small letters, digits, - and _"
        reading.problems.append(Problem(document.file, 1, 1, "", message, cure))
    check_name(reading, name)
    written = document.value
    shape, right = reading.check(Shape, written, ())
    reading.problems = _without_what_slid_out(reading.problems, written)
    triggers = read_triggers(reading, right.get("triggers", []))
    reading.fields = fields_of(reading.catalogue, triggers)
    reading.types = types_of(triggers)
    actions = right.get("actions", [])
    ids = step_ids(actions)
    reading.steps, reading.waits = first_of_each(ids), waits_in(actions)
    reading.posts = posts_in(actions, ids)
    variables = _variables(reading, right.get("variables", {}))
    conditions = read_conditions(reading, right.get("conditions", []), ("conditions",))
    steps, flow = read_actions(reading, actions, ids)
    read_people(reading, written, [step.channel for step in steps])
    if shape is None:
        return None
    if "mode" in written and not waits(flow):
        message = "mode has no effect, because this recipe does not wait"
        reading.note(("mode",), message, "leave it out")
    if shape.burst is None:
        note_no_limit(reading, triggers, steps)
    on_failure, lists, owners = shape.on_failure, reading.used_lists, reading.catalogue.list_owners
    digests = {name: reading.catalogue.list_digests[name] for name in lists}
    check_tests(reading, shape.tests)
    return Recipe(
        name=name,
        alias=shape.alias or name,
        description=shape.description,
        file=document.file,
        version=_version(document.text, reading.used_templates, digests),
        text=document.text,
        templates=reading.used_templates,
        used_lists=tuple(sorted(lists)),
        owners=frozenset(reading.owners | {owners[name] for name in lists & owners.keys()}),
        triggers=triggers,
        conditions=every(conditions) if conditions else None,
        index_hints=index_hints_in(written.get("conditions")),
        variables=variables,
        lists=reading.catalogue.plain_lists,
        zone=reading.catalogue.zone,
        steps=steps,
        flow=() if all(isinstance(node, Step) for node in flow) else flow,
        waits=waits(flow),
        mode=shape.mode,
        approval=shape.approval or "",
        publish_within=shape.publish_within,
        threat_to_life=shape.threat_to_life,
        images_required=shape.images_required,
        burst=shape.burst,
        on_failure=(on_failure,) if isinstance(on_failure, str) else tuple(on_failure),
        retry=shape.retry.model_dump(exclude_unset=True),
        tests=shape.tests,
        enabled=shape.enabled,
        mentions=mentions_in(
            *_published(written.get("variables")),
            *_published(actions),
            *reading.used_templates.values(),
        ),
    )


def _published(written: Any) -> Iterator[str]:
    """Yield the texts with an @ in variables or actions that may be published."""
    for path, text in texts_in(written):
        if ("@" in text or "＠" in text) and DECIDES.isdisjoint(path):
            yield text


def _without_what_slid_out(problems: list[Problem], written: Mapping[str, Any]) -> list[Problem]:
    """If the entries of an empty list are at the level above, report that, and not each of them."""
    for name in ("triggers", "actions"):
        empty = next((p for p in problems if p.path == name and written.get(name, 0) is None), None)
        if empty is None:
            continue
        replacement = replace(
            empty, cure="indent what belongs to it, and begin each entry with a dash"
        )
        problems = [
            replacement if problem is empty else problem
            for problem in problems
            if problem.path or problem.line < empty.line or "unknown option" not in problem.problem
        ]
    return problems


def _variables(
    reading: ParsingContext, written: Mapping[str, Any]
) -> dict[str, Callable[[Scope], Any]]:
    """Compile the variables; each may use those before it."""
    reading.later_variables = frozenset(written)
    for name, value in written.items():
        path = ("variables", name)
        if not name.isidentifier() or name in BUILT_IN_NAMES or name.startswith("_"):
            reason = "is reserved" if name in BUILT_IN_NAMES else "is not a valid name"
            reading.complain(
                path, f'"{name}" {reason}', "use another, of letters, digits and _", key=True
            )
        if value is None:
            cure = "write it after the colon; text that begins with # needs quotes"
            reading.complain(path, "is empty", cure)
        reading.variables[name] = _variable(reading, value, path)
    return {name: expression.fill for name, expression in reading.variables.items()}


def _note_unused(reading: ParsingContext) -> None:
    # A name that is misspelt where it is used has its own complaint.
    if any(problem.level == "error" for problem in reading.problems):
        return
    for name in reading.variables.keys() - reading.used_variables:
        message = f'nothing uses the variable "{name}"'
        reading.note(("variables", name), message, "use it, or delete it")


def _variable(reading: ParsingContext, value: Any, path: Path) -> Expression:
    """Compile a variable's value with all templates inside it."""
    if isinstance(value, str):
        return reading.compiled(value, path)
    named = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value if isinstance(value, list) else ())
    )
    parts = {key: _variable(reading, inner, (*path, key)) for key, inner in named}
    if all(part.constant for part in parts.values()):
        return Expression("", (), "", constant=True, fill=lambda _: value)
    chains = tuple(chain for part in parts.values() for chain in part.chains)

    def fill(scope: Scope) -> Any:
        filled = {key: part.fill(scope) for key, part in parts.items()}
        return filled if isinstance(value, dict) else [*filled.values()]

    marks = any(part.marked for part in parts.values())
    return Expression("", chains, "", constant=False, fill=fill, marked=marks)


def _version(text: str, templates: Mapping[str, str], lists: Mapping[str, str]) -> str:
    """Return the hash of a recipe's text, of its templates, and of the digests of its lists."""
    whole = hashlib.sha256(text.encode())
    for name in sorted(templates):
        whole.update(f"\0{name}\0{templates[name]}".encode())
    for name in sorted(lists):
        whole.update(f"\0\0{name}\0{lists[name]}".encode())
    # What somebody accepts must not have the same hash as anything else.
    return whole.hexdigest()[:32]
