"""The schemas as files: the name of each, their text, and the line by which a YAML file points to its own."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from appealbridge.editor.recipe import recipe_schema
from appealbridge.editor.settings import settings_schema
from appealbridge.files import write_file
from appealbridge.plugin.registry import Registry
from appealbridge.recipes.parsing.catalogue import Catalogue

Kind = Literal["recipe", "settings"]

FILES: Final[Mapping[Kind, str]] = {
    "recipe": "recipe.schema.json",
    "settings": "appealbridge.schema.json",
}
"""The file of each kind of schema."""

FOLDER: Final = ".appealbridge"
"""Where the schemas of one installation lie, beside its settings."""


def schema_text(kind: Kind, registry: Registry, known: Catalogue | None = None) -> str:
    """Return a schema as the text of its file, proposing the names that are declared, if given."""
    schema = settings_schema(registry) if kind == "settings" else recipe_schema(registry, known)
    return json.dumps(_marked(schema), indent=2, ensure_ascii=False) + "\n"


def _marked(node: Any) -> Any:
    """Say twice what has code in it: editors that know Markdown look for it under a name of its own."""
    if isinstance(node, list):
        return [_marked(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    marked = {name: _marked(inner) for name, inner in node.items()}
    description = marked.get("description")
    if isinstance(description, str) and "`" in description:
        marked["markdownDescription"] = description
    return marked


def write_schemas(folder: Path, registry: Registry, known: Catalogue | None = None) -> list[Path]:
    """Write every schema into a folder, which is made if need be; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for kind, name in FILES.items():
        file = folder / name
        write_file(file, schema_text(kind, registry, known).encode())
        files.append(file)
    return files


def modeline(file: Path, schema: Path) -> str:
    """Return the first line of a YAML file that tells an editor where its schema lies."""
    way = Path(os.path.relpath(schema.absolute(), file.absolute().parent)).as_posix()
    return f"# yaml-language-server: $schema={way}"
