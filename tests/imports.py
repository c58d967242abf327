"""Every import of a file, whatever way it is spelt, as full dotted names."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"
PACKAGE = SOURCE / "appealbridge"


@dataclass(frozen=True)
class Import:
    name: str
    line: int


def module_name(file: Path) -> str:
    parts = file.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def nodes(file: Path) -> tuple[ast.AST, ...]:
    """Every node of a file's tree, the module itself first."""
    return tuple(ast.walk(ast.parse(file.read_text("utf-8"))))


def imports_of(text: str, module: str) -> Iterator[Import]:
    """The imports of a module's text: also those inside functions, or only for type checkers."""
    return _imports(ast.walk(ast.parse(text)), module.rpartition(".")[0])


def _imports(tree: Iterable[ast.AST], package: str) -> Iterator[Import]:
    for node in tree:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(package, node.level, node.module or "")
            for alias in node.names:
                yield Import(_deepest(base, alias.name), node.lineno)
        elif isinstance(node, ast.Call) and _called(node) in {"import_module", "__import__"}:
            named = node.args[0] if node.args else None
            if isinstance(named, ast.Constant) and isinstance(named.value, str):
                level = len(named.value) - len(named.value.lstrip("."))
                yield Import(_absolute(package, level, named.value.lstrip(".")), node.lineno)


def _absolute(package: str, level: int, name: str) -> str:
    if not level:
        return name
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - level + 1], *([name] if name else [])])


def _deepest(base: str, name: str) -> str:
    """A module imported from its package is that module, not a name of the package."""
    if not base.startswith("appealbridge"):
        return base
    below = SOURCE.joinpath(*base.split("."), name)
    if name == "*" or not (below.is_dir() or below.with_suffix(".py").exists()):
        return base
    return f"{base}.{name}"


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def files(below: str = "") -> list[Path]:
    """Every source file of the package, or of one dotted part of it."""
    place = PACKAGE.joinpath(*below.split(".")) if below else PACKAGE
    alone = place.with_suffix(".py")
    return [alone] if alone.exists() else sorted(place.rglob("*.py"))


@cache
def imports(file: Path) -> tuple[Import, ...]:
    module = module_name(file)
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    return tuple(_imports(nodes(file), package))
