"""`schema`: writes the JSON Schemas with which an editor completes and explains recipes and settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from appealbridge.cli.common import config_option
from appealbridge.cli.output import say, say_json_text, styled
from appealbridge.documents import InvalidDocuments
from appealbridge.files import write_file

if TYPE_CHECKING:
    from appealbridge.editor.files import Kind
    from appealbridge.recipes.parsing.catalogue import Catalogue


@click.command(short_help="Write the JSON Schemas that an editor needs.")
@click.argument("kind", type=click.Choice(["recipe", "settings"]), required=False)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Where to write: a folder for both schemas, a file for one.",
)
@config_option
def schema(config: Path | None, output: Path | None, kind: Kind | None) -> None:
    """
    Write the JSON Schemas with which an editor completes and explains recipes and settings.

    With KIND (recipe or settings), print one of them. Without it, write both into the folder
    .appealbridge beside the settings. The schema of recipes has the names that the settings declare.
    """
    from appealbridge.daemon.assembly import load_plugins
    from appealbridge.editor.files import FILES, FOLDER, schema_text, write_schemas
    from appealbridge.settings.load import DEFAULT

    registry = load_plugins()
    known = declared_names(config)
    if kind is None:
        settings = config or DEFAULT
        folder = output or settings.parent / FOLDER
        _tell(write_schemas(folder, registry, known), settings)
        return
    text = schema_text(kind, registry, known)
    if output is None:
        say_json_text(text)
        return
    file = output / FILES[kind] if output.is_dir() else output
    file.parent.mkdir(0o755, parents=True, exist_ok=True)
    write_file(file, text.encode())
    say(f"wrote {file}")


def declared_names(config: Path | None) -> Catalogue | None:
    """Return the names in the settings; if these have problems, print a message and return `None`."""
    from appealbridge.daemon.assembly import assemble

    try:
        return assemble(config, offline=True).catalogue
    except InvalidDocuments as error:
        count = len(error.problems)
        problems = "a problem" if count == 1 else f"{count} problems"
        say(
            f"the settings have {problems}, so the schemas leave out their names; run: appealbridge check",
            err=True,
        )
        return None


def _tell(files: list[Path], settings: Path) -> None:
    from appealbridge.editor.files import modeline

    recipe = settings.parent / "recipes" / "any.yaml"
    for file, whose, written in zip(
        files, ("every recipe", str(settings)), (recipe, settings), strict=True
    ):
        say(f"wrote {file}; make this the first line of {whose}")
        say("  ", styled(modeline(written, file), "cyan"))
