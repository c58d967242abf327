"""What the package brings beside the program: the man page, completion, and the files for other servers."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import yaml

from appealbridge import __version__
from tests import forking
from tests.docs.pages import ROOT

PACKAGING = ROOT / "packaging"
CHANGES = (ROOT / "CHANGELOG.md").read_text("utf-8")
METRIC = re.compile(r"\bappealbridge_[a-z_]+")
DOCS = (ROOT / "docs" / "metrics.md").read_text("utf-8")


def test_the_version_has_its_release_notes_and_says_each_change_once():
    assert f"\n## {__version__} (" in CHANGES
    entries = [part.partition("\n\n")[0] for part in re.split(r"(?m)^- ", CHANGES)[1:]]
    assert len({*entries}) == len(entries)


def test_the_man_page_and_completion_are_those_of_this_command_line(tmp_path):
    subprocess.run([sys.executable, PACKAGING / "manual.py", tmp_path], check=True, timeout=60)
    for file in sorted(file for file in tmp_path.rglob("*") if file.is_file()):
        checked_in = PACKAGING / "share" / file.relative_to(tmp_path)
        assert checked_in.read_text("utf-8") == file.read_text("utf-8"), "run: make manual"


def test_the_settings_for_a_server_are_right_as_they_are_and_with_every_account(tmp_path):
    text = (PACKAGING / "settings" / "appealbridge.yaml").read_text("utf-8")
    for name, content in (
        ("a", text),
        ("b", re.sub(r"^( *)# (?=[a-z_]+:| )", r"\1", text, flags=re.MULTILINE)),
    ):
        (tmp_path / f"{name}.yaml").write_text(content)
        checked = forking.run("-m", "appealbridge", "check", "-c", str(tmp_path / f"{name}.yaml"))
        assert checked.returncode == 0, checked.stdout
        assert b" 0 errors" in checked.stdout
    assert content.count("!secret") > 5


def test_every_folder_of_packaging_is_in_the_wheel():
    settings = (ROOT / "pyproject.toml").read_text("utf-8")
    for folder in (path for path in PACKAGING.iterdir() if path.is_dir()):
        if folder.name != "__pycache__":
            assert f'"packaging/{folder.name}" = ' in settings


@pytest.fixture(scope="module")
def rules():
    content = yaml.safe_load(
        (PACKAGING / "prometheus" / "appealbridge.rules.yaml").read_text("utf-8")
    )
    return [rule for group in content["groups"] for rule in group["rules"]]


def known(text: str) -> set[str]:
    """Return the metrics in a text, without what Prometheus adds to a histogram's name."""
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in METRIC.findall(text)}


def test_alerts_and_dashboard_use_only_metrics_that_there_are(rules):
    dashboard = (PACKAGING / "grafana" / "appealbridge.json").read_text("utf-8")
    metrics = {row.split("`")[1] for row in DOCS.splitlines() if row.startswith("| `appealbridge_")}
    assert known(" ".join(rule["expr"] for rule in rules)) <= metrics
    assert known(dashboard) <= metrics


def test_there_is_an_alert_for_every_row_of_the_docs(rules):
    table = DOCS.split("## What to raise an alert for")[1]
    conditions = " ".join(rule["expr"] for rule in rules)
    assert known(table)
    assert known(table) <= known(conditions)


def test_every_alert_says_what_to_do(rules):
    for rule in rules:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]


def test_the_dashboard_has_a_panel_once_each():
    panels = json.loads((PACKAGING / "grafana" / "appealbridge.json").read_text("utf-8"))["panels"]
    assert (
        len({panel["id"] for panel in panels})
        == len({panel["title"] for panel in panels})
        == len(panels)
    )


def test_only_webhooks_are_reachable_from_outside():
    """The API, the metrics and the console are not for the internet."""
    nginx = (PACKAGING / "nginx" / "appealbridge.conf").read_text("utf-8")
    apache = (PACKAGING / "apache" / "appealbridge.conf").read_text("utf-8")
    in_force = re.sub(r"^ *#.*$", "", nginx, flags=re.MULTILINE)
    assert re.findall(r"location (.+?) {", in_force) == [
        "/hooks/",
        "~ ^/(api|metrics|healthz|readyz)(/|$)",
        "/",
    ]
    assert in_force.count("proxy_pass") == 1
    assert re.findall(r'^\s*ProxyPass "(\S+)"', apache, re.MULTILINE) == ["/hooks/"]
