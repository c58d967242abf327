"""The state while one recipe is read: its document, what it may refer to, and its problems so far."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel

from appealbridge.documents import Document, Path, Place, Problem, path_text
from appealbridge.documents.diagnostic import did_you_mean, nearest, of_a_broken_plug_in
from appealbridge.documents.document import whole_word
from appealbridge.documents.lines import lines_of
from appealbridge.documents.validation import check_value, with_lists
from appealbridge.recipes.model.base import LISTS, ZONE, Entry
from appealbridge.recipes.parsing.catalogue import Catalogue
from appealbridge.recipes.parsing.field_names import Fields, flaw_in, of_another_tool, where_else
from appealbridge.recipes.parsing.paths import apart, stands_before
from appealbridge.recipes.templates.expression import Expression, compile_html, compile_text
from appealbridge.recipes.templates.scope import ATTRIBUTES, BUILT_IN_NAMES, ResultView
from appealbridge.recipes.templates.syntax import Chain, Malformed, chain_text

M = TypeVar("M", bound=BaseModel)

_SHOWS_TAGS = re.compile(r"\bbody_html\s*\}\}|^\$\S*\.body_html$")
_OF_PLUG_INS = ("action", "trigger", "channel")
_DECLARED = ("channel", "person or group", "list")

RESULT_PARTS = tuple(sorted(ATTRIBUTES[ResultView]))

_NOTHING = Expression("", (), "", constant=True, fill=lambda _: "")


def in_another_branch(step: str) -> tuple[str, str]:
    """Return problem and cure for a step that needs a step of another branch."""
    message = f'step "{step}" is in another branch, so the two are never both done'
    return message, "move one of the two out of its branch"


def _part_of(word: str, names: Iterable[str]) -> bool:
    """Return whether a word is part of an invalid name (`my` of `my-post`), which has its own problem."""
    return any(not name.isidentifier() and word in _WORDS.findall(name) for name in names)


_WORDS = re.compile(r"\w+")


@cache
def _names_of(model: type[BaseModel]) -> frozenset[str]:
    """Return the names of a model's options, those that YAML uses included."""
    fields = model.model_fields
    return frozenset((*fields, *(field.alias for field in fields.values() if field.alias)))


def _below(path: Path, place: str) -> bool:
    text = path_text(path)
    return place == text or place.startswith((f"{text}.", f"{text}["))


def _in_file(file: str, text: str, flaw: Malformed) -> Problem:
    lines = lines_of(text)
    pattern = whole_word(flaw.needle) if flaw.needle else None
    below = range(min(flaw.line, len(lines)) - 1, len(lines))
    match = next(((n, m) for n in below if pattern and (m := pattern.search(lines[n]))), None)
    number = match[0] if match is not None else below[0]
    column = match[1].start() if match is not None else 0
    width = len(flaw.needle) if match is not None else len(lines[number])
    return Problem(
        file, number + 1, column + 1, "", flaw.problem, flaw.cure,
        source_line=lines[number], width=max(1, width),
    )  # fmt: skip


class _NotedLists(Mapping[str, Sequence[Any]]):
    """The lists of the settings; notes which of them are read."""

    def __init__(self, lists: Mapping[str, Sequence[Any]], noted: set[str]) -> None:
        self._lists = lists
        self._noted = noted

    def __getitem__(self, name: str) -> Sequence[Any]:
        entries = self._lists[name]
        self._noted.add(name)
        return entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __len__(self) -> int:
        return len(self._lists)


class ParsingContext:
    """
    What all readers share while one recipe is read.

    `steps` has the path of every publishing step by id, `waits` the paths of every `wait_for`,
    `posts` the channels of each `post` by its id. `types` are the types of all events that its triggers
    can make, `None` if they are not known. `used_templates`, `used_lists` and `owners` are the templates and lists
    that the recipe uses, and the users to whom their files belong.
    """

    def __init__(
        self, document: Document, catalogue: Catalogue, templates: Mapping[str, str] | None = None
    ) -> None:
        self.document = document
        self.catalogue = catalogue
        self.problems: list[Problem] = []
        self.variables: dict[str, Expression] = {}
        self.later_variables: frozenset[str] = frozenset()
        self.used_variables: set[str] = set()
        self.fields = Fields()
        self.types: frozenset[str] | None = None
        self.steps: Mapping[str, Path] = {}
        self.posts: Mapping[str, Sequence[str]] = {}
        self.waits: Sequence[Path] = ()
        self.used_templates: dict[str, str] = {}
        self.used_lists: set[str] = set()
        self.owners: set[int] = set()
        self._templates = templates
        self._file: tuple[str, str] | None = None

    def complain(self, path: Path, problem: str, cure: str = "", *, key: bool = False) -> None:
        """Add an error about a path."""
        self.problems.append(self.document.problem(path, problem, cure, key=key))

    def note(self, path: Path, problem: str, cure: str = "", *, key: bool = True) -> None:
        """Add a note about a path: nothing is wrong."""
        self.problems.append(self.document.problem(path, problem, cure, key=key, level="note"))

    def note_at(self, path: Path, place: Place, problem: str, cure: str) -> None:
        """Add a note about a part of the text at a path."""
        note = self.document.problem(path, problem, cure, level="note", place=place)
        self.problems.append(note)

    def unknown(
        self, path: Path, what: str, name: Any, known: Iterable[str], hint: str = ""
    ) -> None:
        """Add an error about a name that is not among the known ones; `hint` is the cure if nothing is known."""
        broken = self.catalogue.registry.broken
        if what == "channel" and name in self.catalogue.absent:
            cure = "its plug-in failed, so it is left out; appealbridge check says why"
        elif (
            broken
            and what in _OF_PLUG_INS
            and not (what in _DECLARED and nearest(str(name), known))
        ):
            cure = of_a_broken_plug_in(str(name), known, broken)
        else:
            cure = did_you_mean(str(name), known, declared=what in _DECLARED) or hint
        self.complain(path, f'unknown {what} "{name}"', cure)

    def check(
        self, model: type[M], value: Any, path: Path, owner: str = ""
    ) -> tuple[M | None, dict[str, Any]]:
        """
        Check a value against a model of the recipe language.

        Return the instance, `None` if anything is wrong, and the options that are right, as
        written.
        """
        lists = _NotedLists(self.catalogue.lists, self.used_lists)
        context = {ZONE: self.catalogue.zone, LISTS: lists}
        value = with_lists(model, value, context)
        instance, problems = check_value(
            self.document, path, value, model, owner=owner, context=context
        )
        self.problems += problems
        options = value if isinstance(value, dict) else {}
        known = _names_of(model)
        right = {
            key: option
            for key, option in options.items()
            if key in known
            and not (problems and any(_below((*path, key), problem.path) for problem in problems))
        }
        return instance, right

    def own(
        self, model: type[Entry], value: Mapping[str, Any], path: Path
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Check the options of an entry that a model declares; return the right ones, and all others."""
        names = model.names()
        _, right = self.check(model, {key: value[key] for key in names if key in value}, path)
        return right, {key: option for key, option in value.items() if key not in names}

    def compiled(self, text: str, path: Path) -> Expression:
        """Return the expression of a text; add problems about its syntax and the names in it."""
        return self._compiled(text, path, compile_text)

    def compiled_html(self, text: str, path: Path) -> Expression:
        """Do the same for an HTML text, in which values are escaped."""
        if _SHOWS_TAGS.search(text):
            message = "body_html is HTML; without | safe, readers see its tags"
            self.note(path, message, "write {{ appeal.body_html | safe }}")
        return self._compiled(text, path, compile_html)

    def _compiled(self, text: str, path: Path, compile_: Callable[[str], Expression]) -> Expression:
        try:
            expression = compile_(text)
        except Malformed as flaw:
            self.malformed(path, flaw)
            for chain in flaw.chains:
                self.check_chain(path, chain)
            return _NOTHING
        for chain in expression.chains:
            self.check_chain(path, chain)
        return expression

    def lists_in(self, expression: Expression) -> Iterator[tuple[str, bool]]:
        """Yield the lists of the settings that an expression reads, and whether it uses each without a filter."""
        read, seen = [(expression, True)], {""}
        for inner, before in read:
            as_it_is = before and "|" not in inner.text
            for name, keys in inner.chains:
                if name == "lists" and keys:
                    yield str(keys[0]), as_it_is and len(keys) == 1
                elif name in self.variables and name not in seen:
                    seen.add(name)
                    read.append((self.variables[name], as_it_is))

    @contextmanager
    def any_event(self) -> Iterator[None]:
        """While open, assume that events may have any fields, and not only those of the recipe's triggers."""
        known, self.fields = self.fields, Fields()
        try:
            yield
        finally:
            self.fields = known

    @contextmanager
    def inside(self, file: str, text: str) -> Iterator[None]:
        """While open, report mistakes as mistakes in this file."""
        self._file = (file, text)
        try:
            yield
        finally:
            self._file = None

    def malformed(self, path: Path, flaw: Malformed, within: str = "") -> None:
        """Add an error about a part of a text; `within` begins with it, and is the one meant of several."""
        if self._file is not None:
            self.problems.append(_in_file(*self._file, flaw))
            return
        place = self.document.within(path, within or flaw.needle, flaw.line)
        if within and place.width == len(within):
            place = place._replace(width=len(flaw.needle))
        elif within:
            place = self.document.within(path, flaw.needle, flaw.line)
        problem = self.document.problem(path, flaw.problem, flaw.cure, place=place)
        if (
            not within or problem not in self.problems
        ):  # the same name twice in a text is one mistake
            self.problems.append(problem)

    def check_chain(self, path: Path, chain: Chain) -> None:
        """Add an error if the first name of a chain is not known, or has no such part."""
        name, keys = chain
        self.used_variables.add(name)
        if name == "lists":
            self.used_lists |= self.catalogue.lists.keys() & (
                {str(keys[0])} if keys else {*self.catalogue.lists}
            )
        flaw = flaw_in(chain, self.fields)
        if flaw is not None:
            self.malformed(path, flaw)
        elif name == "results":
            self._check_result(path, chain)
        elif name == "wait":
            self._check_wait(path)
        elif name == "lists" and keys and keys[0] not in self.catalogue.lists:
            self._unknown_inside(
                path,
                "list",
                keys[0],
                self.catalogue.lists,
                "declare it under lists: in appealbridge.yaml",
            )
        elif name not in BUILT_IN_NAMES and name not in self.variables:
            if name in self.later_variables:
                flaw = Malformed(f'"{name}" is defined further below', "move it up", name)
                self.malformed(path, flaw)
            elif not _part_of(name, (*self.variables, *self.steps)):
                unknown = {"range"} if self.waits else {"range", "wait"}
                known = {*BUILT_IN_NAMES, *self.variables} - unknown
                cure = (
                    of_another_tool(chain)
                    or where_else(name, self.fields, known)
                    or did_you_mean(name, known)
                )
                flaw = Malformed(f'unknown name "{name}"', cure, name)
                self.malformed(path, flaw, within=chain_text(chain))

    def _check_result(self, path: Path, chain: Chain) -> None:
        keys = chain[1]
        if not keys:
            cure = "name a step and a part of its result, such as results.blog.url"
            self.malformed(path, Malformed("results of which step?", cure, "results"))
        elif _part_of(str(keys[0]), self.steps):
            return
        elif keys[0] not in self.steps:
            hint = "give the step an id"
            self._unknown_inside(path, "step", keys[0], self.steps, hint)
        elif path[: len(self.steps[str(keys[0])])] == self.steps[str(keys[0])]:
            message = "a step cannot use its own result"
            self.malformed(path, Malformed(message, "name another step", str(keys[0])))
        elif apart(path, self.steps[str(keys[0])]):
            self.malformed(path, Malformed(*in_another_branch(str(keys[0])), str(keys[0])))
        else:
            self._check_part(path, chain)

    def _check_part(self, path: Path, chain: Chain) -> None:
        """Add an error about a part that a step's result does not have."""
        keys = chain[1][1:]
        channels = self.posts.get(str(chain[1][0]), ())
        if keys and keys[0] in channels:
            keys, channels = keys[1:], ()
        known = (*RESULT_PARTS, *channels)
        if keys and keys[0] not in known:
            self._unknown_inside(path, f"part of {chain_text(chain)}:", keys[0], known)

    def _check_wait(self, path: Path) -> None:
        known = path[0] == "variables" and self.waits
        if not known and not any(stands_before(wait, path) for wait in self.waits):
            cure = "wait says how a wait_for ended, so use it after one"
            self.malformed(path, Malformed("there is no wait_for before this", cure, "wait"))

    def _unknown_inside(
        self, path: Path, what: str, name: Any, known: Iterable[str], hint: str = ""
    ) -> None:
        cure = did_you_mean(str(name), known, declared=what in _DECLARED) or hint
        self.malformed(path, Malformed(f'unknown {what} "{name}"', cure, str(name)))

    # -- template files ---------------------------------------------------------------------------

    def template(self, file: str) -> str | None:
        """Return the text of a template file and remember its use; `None` if there is no such file."""
        if self._templates is not None:
            text = self._templates.get(file)
        elif (template := self.catalogue.template(file)) is not None:
            text, owner = template
            self.owners.add(owner)
        else:
            text = None
        if text is not None:
            self.used_templates[file] = text
        return text

    def template_names(self) -> set[str]:
        """Return the names of all templates, without ending."""
        files = self._templates if self._templates is not None else self.catalogue.template_files()
        return {file.rpartition(".")[0] for file in files}
