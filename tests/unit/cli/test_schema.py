"""`appealbridge schema`, as it is typed."""

import json

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.editor.files import FILES

SETTINGS = """
practice: http://127.0.0.1:8090
channels: { force_x: { platform: x }, ward_x: { platform: x } }
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("APPEALBRIDGE_CONFIG", raising=False)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, ["schema", *arguments])


def test_both_are_written_beside_the_settings_with_the_names_declared_there(folder):
    (folder / "appealbridge.yaml").write_text(SETTINGS, "utf-8")
    result = run()
    assert result.exit_code == 0
    written = folder / ".appealbridge"
    assert sorted(file.name for file in written.iterdir()) == sorted(FILES.values())
    assert '"ward_x"' in (written / FILES["recipe"]).read_text("utf-8")
    assert "# yaml-language-server: $schema=../.appealbridge/recipe.schema.json" in result.output
    assert "# yaml-language-server: $schema=.appealbridge/appealbridge.schema.json" in result.output


@pytest.mark.parametrize(("kind", "title"), [("recipe", "recipe"), ("settings", "settings")])
def test_one_alone_is_printed_and_nothing_else(folder, kind, title):
    result = run(kind)
    assert title in json.loads(result.stdout)["title"]
    assert [*folder.iterdir()] == []


def test_one_is_written_into_a_file_or_a_folder(folder):
    assert run("recipe", "--output", "new/r.json").exit_code == 0
    assert run("settings", "--output", "new").exit_code == 0
    names = sorted(file.name for file in (folder / "new").iterdir())
    assert names == [FILES["settings"], "r.json"]


def test_settings_with_a_mistake_stop_nothing(folder):
    (folder / "appealbridge.yaml").write_text("chanels: {}\n", "utf-8")
    result = run("recipe")
    assert result.exit_code == 0
    assert json.loads(result.stdout)
    assert "the settings have a problem, so the schemas leave out their names" in result.stderr
