"""What commands for the running daemon say where they cannot find it."""

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main


@pytest.mark.parametrize(
    "command", ["reload", "runs", "deliveries", "trace abc", "release 1", "channels"]
)
def test_settings_that_cannot_be_read_are_told_with_their_place(tmp_path, command):
    config = tmp_path / "appealbridge.yaml"
    config.write_text("listen: 127.0.0.1:8080\nchannels: [\n")
    result = CliRunner().invoke(main, [*command.split(), "--config", str(config)])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "appealbridge.yaml:2:12: a value is missing here" in result.stderr
