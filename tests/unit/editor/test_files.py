"""The schemas as files."""

import json
import os
import stat

from appealbridge.editor.files import FILES, modeline, schema_text, write_schemas
from appealbridge.plugin.registry import load

REGISTRY = load(third_party=False)


def test_every_kind_is_written_into_a_folder_that_is_made(tmp_path):
    written = write_schemas(tmp_path / "new" / "folder", REGISTRY)
    assert [file.name for file in written] == [*FILES.values()]
    assert all(json.loads(file.read_text("utf-8"))["$schema"] for file in written)


def test_the_same_is_written_twice():
    assert schema_text("recipe", REGISTRY) == schema_text("recipe", load(third_party=False))


def test_a_file_points_to_its_schema_by_the_way_from_its_own_folder(tmp_path):
    schema = tmp_path / ".appealbridge" / "recipe.schema.json"
    assert modeline(tmp_path / "recipes" / "roads" / "a.yaml", schema) == (
        "# yaml-language-server: $schema=../../.appealbridge/recipe.schema.json"
    )


def test_words_in_backticks_are_said_in_markdown_too():
    text = json.loads(schema_text("recipe", REGISTRY))["properties"]["approval"]
    assert "`none`" in text["description"]
    assert text["markdownDescription"] == text["description"]


def test_only_its_owner_may_write_to_a_folder_of_schemas_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        write_schemas(tmp_path / "schemas", REGISTRY)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "schemas").stat().st_mode) == 0o755
