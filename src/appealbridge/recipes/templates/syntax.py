"""Checks a template when it is read: whether it is allowed, and which names it uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from inspect import Signature, signature
from typing import Any

from jinja2 import TemplateSyntaxError, nodes

from appealbridge.documents.diagnostic import did_you_mean
from appealbridge.recipes.templates.environment import TEXT, Environment
from appealbridge.recipes.templates.filters import FILTERS
from appealbridge.recipes.templates.messages import template_message

Chain = tuple[str, tuple[str | int, ...]]
"""A name and the constant keys that follow it: `appeal.images[0].url`."""


class Malformed(Exception):
    """
    Why a template or JSONPath cannot be compiled.

    `needle` is the part of the text that is wrong, `line` its line from 1. `chains` are the names
    that the rest reads.
    """

    def __init__(
        self,
        problem: str,
        cure: str = "",
        needle: str = "",
        line: int = 1,
        chains: tuple[Chain, ...] = (),
    ) -> None:
        super().__init__(problem)
        self.chains = chains
        self.problem = problem
        self.cure = cure
        self.needle = needle
        self.line = line


@dataclass(frozen=True, slots=True)
class Parsed:
    """A checked tree, and every chain of names that it reads from outside."""

    tree: nodes.Template
    chains: tuple[Chain, ...]

    @property
    def expression(self) -> nodes.Expr | None:
        """The only expression of the template, `None` if there is anything else."""
        match self.tree.body:
            case [nodes.Output(nodes=[expression])] if not isinstance(
                expression, nodes.TemplateData
            ):
                return expression
        return None

    @property
    def literal(self) -> str:
        """The fixed words outside all expressions and branches."""
        return "".join(
            part.data
            for output in self.tree.body
            if isinstance(output, nodes.Output)
            for part in output.nodes
            if isinstance(part, nodes.TemplateData)
        )


_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.With,
    nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword,
    nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Call, nodes.Compare,
    nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Concat, nodes.CondExpr,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow,
)  # fmt: skip
_TESTS: Mapping[str, Any] = TEXT.tests


def parse(text: str, environment: Environment = TEXT) -> Parsed:
    """Return a template's checked tree; raise `Malformed`."""
    try:
        tree = environment.parse(text)
        used = list(_walk(tree))
        bound = {node.name for node in used if isinstance(node, nodes.Name) and node.ctx != "load"}
        if any(isinstance(node, nodes.For) for node in used):
            bound.add("loop")
        chains = [chain for chain in _chains(tree) if chain[0] not in bound]
    except TemplateSyntaxError as error:
        message = template_message((error.message or "").rstrip("."), text)
        raise Malformed(*message, line=error.lineno) from None
    except RecursionError:
        raise Malformed("the template is nested too deeply", "use fewer levels") from None
    except ValueError:  # Jinja reads numbers of any length, and Python does not
        raise Malformed("it contains a number that is too long", "write a shorter number") from None
    try:
        for node in used:
            _refuse(node)
    except Malformed as flaw:
        # Something not allowed may bring names of its own; a misspelt filter does not.
        flaw.chains = tuple(c for c in chains if flaw.needle not in ("", c[0]))
        raise
    return Parsed(tree, tuple(chains))


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)


def _refuse(node: nodes.Node) -> None:
    """Raise `Malformed` for what is not allowed in a recipe's template."""
    if isinstance(node, nodes.Filter):
        _check_use(node, "filter", FILTERS)
    if isinstance(node, nodes.Test):
        _check_use(node, "test", _TESTS)
    recursive = isinstance(node, nodes.For) and node.recursive
    if recursive or not isinstance(node, _ALLOWED):
        word = _BLOCKS.get(type(node).__name__, type(node).__name__.lower())
        raise Malformed(f"{word} is not allowed in recipes", "leave it out", line=node.lineno)
    if isinstance(node, nodes.Call):
        called = node.node
        if not (
            isinstance(called, nodes.Getattr)
            or (isinstance(called, nodes.Name) and called.name == "range")
        ):
            message = "only range and a value's own functions can be called"
            name = called.name if isinstance(called, nodes.Name) else ""
            cure = f"write {{{{ … | {name} }}}}" if name in FILTERS else "delete it"
            raise Malformed(message, cure, name, node.lineno)


_BLOCKS = {
    "FromImport": "import",
    "CallBlock": "call",
    "AssignBlock": "a block of set",
    "FilterBlock": "a block of filter",
}


def _check_use(
    node: nodes.Filter | nodes.Test, what: str, known: Mapping[str, Callable[..., Any]]
) -> None:
    """Raise `Malformed` for an unknown filter or test, or for wrong arguments."""
    name = str(node.name)
    if name not in known:
        raise Malformed(f'unknown {what} "{name}"', did_you_mean(name, known), name, node.lineno)
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise Malformed(
            f"{what} {name} takes no * in its brackets", "leave it out", name, node.lineno
        )
    takes = _signature(known[name])
    named: dict[str, Any] = {str(keyword.key): keyword.value for keyword in node.kwargs}
    try:
        bound = takes.bind(None, *node.args, **named)
    except TypeError as error:
        arguments = ", ".join([*takes.parameters][1:])
        cure = f"write {name}({arguments})" if arguments else "write it without brackets"
        lacks = _LACKS.search(str(error))
        message = (
            f"{what} {name} needs {lacks[1]}" if lacks else f"{what} {name} does not take this"
        )
        raise Malformed(message, cure, name, node.lineno) from None
    for option, value in bound.arguments.items():
        whole = str(takes.parameters[option].annotation).startswith("Whole")
        if whole and isinstance(value, nodes.Const) and type(value.value) is not int:
            message = f"the {option} of {what} {name} must be a whole number"
            raise Malformed(message, f"for example {name}(200)", name, node.lineno)


_LACKS = re.compile(r"missing a required (?:keyword-only )?argument: '(\w+)'")


@lru_cache(maxsize=256)
def _signature(function: Callable[..., Any]) -> Signature:
    """Return the arguments that a template gives to a filter or test, without those that Jinja adds in front."""
    whole = signature(function)
    first = next(iter(whole.parameters), "") in _IN_FRONT
    return whole.replace(parameters=[*whole.parameters.values()][first:])


_IN_FRONT = frozenset(("context", "environment", "env", "eval_ctx"))


def _chains(node: nodes.Node) -> Iterator[Chain]:
    """Yield the longest chains in the order of the text."""
    chain = _chain(node)
    if chain is not None:
        yield chain
        return
    for child in node.iter_child_nodes():
        yield from _chains(child)


def _chain(node: nodes.Node) -> Chain | None:
    keys: list[str | int] = []
    while True:
        if isinstance(node, nodes.Name):
            return (node.name, tuple(reversed(keys))) if node.ctx == "load" else None
        if isinstance(node, nodes.Getattr):
            keys.append(node.attr)
        elif isinstance(node, nodes.Getitem) and _is_key(node.arg):
            keys.append(node.arg.value)  # type: ignore[attr-defined] # _is_key has seen that it is a constant
        else:
            return None
        node = node.node


def _is_key(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Const) and isinstance(node.value, (str, int))


def chain_text(chain: Chain) -> str:
    """Return a chain as a person writes it."""
    name, keys = chain
    return name + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
