"""The unit files, judged by systemd's own tools."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from appealbridge.markup.worker_client import MEMORY as FEEDS
from appealbridge.media.renderer import MEMORY as PICTURES
from appealbridge.plugin import offload

UNITS = Path(__file__).parents[2] / "packaging" / "systemd"
ANALYZE = shutil.which("systemd-analyze")

MIB = 1024 * 1024
DAEMON = 320 * MIB
"""What the daemon alone may need, with 10,000 feeds."""

judged = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not on this machine")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ANALYZE, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@judged
@pytest.mark.parametrize("unit", sorted(file.name for file in UNITS.iterdir()))
def test_systemd_accepts_the_unit_without_a_word(unit):
    done = analyze("verify", "--man=no", str(UNITS / unit))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@judged
@pytest.mark.parametrize("unit", ["appealbridge.service", "appealbridge-backup.service"])
def test_a_service_exposes_the_machine_to_no_more_than_it_needs(unit):
    done = analyze("security", "--offline=true", "--no-pager", str(UNITS / unit))
    assert done.returncode == 0, done.stderr
    level = re.search(r"exposure level for [\w.-]+: ([\d.]+)", done.stdout)
    assert level
    assert float(level[1]) <= 1.5


def test_the_readers_of_feeds_and_pictures_end_before_the_daemon_runs_out_of_memory():
    """Their own bounds and the daemon's need fit below that of all; if not, their end is not the daemon's."""
    result = dict(
        re.findall(r"^(\w+)=(.+)$", (UNITS / "appealbridge.service").read_text(), re.MULTILINE)
    )
    high, most = (int(result[name].removesuffix("M")) * MIB for name in ("MemoryHigh", "MemoryMax"))
    assert FEEDS + PICTURES + DAEMON <= high < most
    assert result["OOMPolicy"] == "continue"


def test_there_may_be_as_many_threads_as_the_pools_have():
    """What hangs takes threads, and must not keep the rest from starting theirs."""
    text = (UNITS / "appealbridge.service").read_text()
    pools = [each for each in vars(offload).values() if isinstance(each, offload.Pool)]
    assert pools
    most = int(re.search(r"^TasksMax=(\d+)$", text, re.MULTILINE)[1])
    assert 2 * sum(pool.threads for pool in pools) <= most


def test_the_unit_for_several_is_the_one_for_one_with_other_folders():
    def settings(unit):
        lines = (UNITS / unit).read_text().splitlines()
        return [line for line in lines if line and not line.startswith("#")]

    several = [
        line.replace("appealbridge-%i", "appealbridge").replace(" (%i)", "")
        for line in settings("appealbridge@.service")
    ]
    assert several == settings("appealbridge.service")
    assert sum("%i" in line for line in settings("appealbridge@.service")) == 5
