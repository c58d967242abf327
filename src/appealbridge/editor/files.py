"""The schemas as files: their names, their text, and the line with which a YAML file refers to its schema."""

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
"""The folder of an installation's schemas, beside its settings."""


def schema_text(kind: Kind, registry: Registry, known: Catalogue | None = None) -> str:
    """Return a schema as the text of its file, proposing the names that are declared, if given."""
    schema = settings_schema(registry) if kind == "settings" else recipe_schema(registry, known)
    return json.dumps(_marked(schema), indent=2, ensure_ascii=False) + "\n"


def _marked(node: Any) -> Any:
    """Repeat descriptions with code as Markdown, which some editors look for under another name."""
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
    """Write every schema into a folder, which is created if needed; return the files."""
    folder.mkdir(0o755, parents=True, exist_ok=True)
    files = []
    for kind, name in FILES.items():
        file = folder / name
        write_file(file, schema_text(kind, registry, known).encode())
        files.append(file)
    return files


def modeline(file: Path, schema: Path) -> str:
    """Return the first line of a YAML file that tells an editor where the schema is."""
    relative_path = Path(os.path.relpath(schema.absolute(), file.absolute().parent)).as_posix()
    return f"# yaml-language-server: $schema={relative_path}"
