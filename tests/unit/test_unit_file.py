"""The unit files, judged by systemd's own tools."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "packaging" / "systemd"
ANALYZE = shutil.which("systemd-analyze")

pytestmark = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not on this machine")


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ANALYZE, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("unit", ["appealbridge.service", "appealbridge.socket"])
def test_systemd_accepts_the_unit_without_a_word(unit):
    done = analyze("verify", "--man=no", str(UNITS / unit))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_service_exposes_the_machine_to_no_more_than_it_needs():
    done = analyze("security", "--offline=true", "--no-pager", str(UNITS / "appealbridge.service"))
    assert done.returncode == 0, done.stderr
    level = re.search(r"exposure level for appealbridge\.service: ([\d.]+)", done.stdout)
    assert level
    assert float(level[1]) <= 1.5
