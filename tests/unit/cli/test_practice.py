"""The practice platforms where the program is installed without what only they need."""

import sys

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main


@pytest.mark.parametrize("command", [["demo", "--once"], ["sandbox"]])
def test_what_is_missing_for_practice_is_named_with_its_cure(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "aiosmtpd", None)
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert "pip install 'appealbridge[sandbox]'" in result.stderr
