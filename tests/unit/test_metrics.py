import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families as families

from appealbridge.metrics import Metrics

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def figures(metrics, waiting=None, queue_age=0.0):
    """Every sample as (name, labels in order of their names) → value."""
    text = metrics.render(waiting or {}, queue_age).decode()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families(text)
        for sample in family.samples
    }


def test_events_are_counted_by_source():
    metrics = Metrics()
    metrics.accepted("webhook:desk")
    metrics.accepted("webhook:desk", 3)
    metrics.accepted("feed:appeals")
    values = figures(metrics)
    assert values["appealbridge_events_accepted_total", ("source", "webhook:desk")] == 4
    assert values["appealbridge_events_accepted_total", ("source", "feed:appeals")] == 1


def test_refusals_are_counted_by_webhook_and_status():
    metrics = Metrics()
    metrics.refused("desk", 401)
    metrics.refused("desk", 401)
    name = "appealbridge_requests_refused_total"
    assert figures(metrics)[name, ("status", "401"), ("webhook", "desk")] == 2


def test_notices_are_counted_by_kind_and_outcome():
    metrics = Metrics()
    metrics.noticed("channel.down", "told")
    metrics.noticed("channel.down", "not_told")
    values = figures(metrics)
    name = "appealbridge_notices_total"
    assert values[name, ("kind", "channel.down"), ("outcome", "told")] == 1
    assert values[name, ("kind", "channel.down"), ("outcome", "not_told")] == 1


def test_an_attempt_is_counted_and_timed():
    metrics = Metrics()
    metrics.attempted("force_x", "delivered", 0.2)
    metrics.attempted("force_x", "unsure", 7.0)
    values = figures(metrics)
    name = "appealbridge_attempts_total"
    assert values[name, ("channel", "force_x"), ("outcome", "delivered")] == 1
    assert values["appealbridge_attempt_seconds_sum", ("channel", "force_x")] == 7.2
    bucket = "appealbridge_attempt_seconds_bucket"
    assert values[bucket, ("channel", "force_x"), ("le", "0.25")] == 1


def test_a_commit_is_timed_and_its_transactions_counted():
    metrics = Metrics()
    metrics.committed(0.002, 40)
    values = figures(metrics)
    assert values["appealbridge_store_commit_seconds_sum",] == 0.002
    assert values["appealbridge_store_commit_transactions_sum",] == 40
    assert values["appealbridge_store_commit_transactions_bucket", ("le", "20.0")] == 0
    assert values["appealbridge_store_commit_transactions_bucket", ("le", "50.0")] == 1


def test_what_waits_is_what_the_store_says_now():
    metrics = Metrics()
    figures(metrics, {("held", "force_x"): 2}, queue_age=60.0)
    values = figures(metrics, {("ready", "force_x"): 1}, queue_age=5.0)
    name = "appealbridge_deliveries"
    assert values[name, ("channel", "force_x"), ("state", "ready")] == 1
    assert (name, ("channel", "force_x"), ("state", "held")) not in values
    assert values["appealbridge_queue_age_seconds",] == 5.0


def test_recipes_and_sources_are_noted_as_they_are_now():
    metrics = Metrics()
    metrics.recipes(loaded=4, quarantined=1)
    metrics.source_failures("feed:appeals", 3)
    metrics.source_failures("feed:appeals", 0)
    values = figures(metrics)
    assert values["appealbridge_recipes", ("state", "loaded")] == 4
    assert values["appealbridge_recipes", ("state", "quarantined")] == 1
    assert values["appealbridge_source_failures", ("source", "feed:appeals")] == 0


def test_what_is_overdue_is_what_was_seen_last():
    metrics = Metrics()
    metrics.overdue({"force_x": 400.0, "old_x": 9.0})
    metrics.overdue({"force_x": 0.0})
    values = figures(metrics)
    assert values["appealbridge_overdue_seconds", ("channel", "force_x")] == 0.0
    assert ("appealbridge_overdue_seconds", ("channel", "old_x")) not in values


def test_the_free_space_is_what_was_seen_last():
    metrics = Metrics()
    metrics.disk_space(5000, accepting=True)
    metrics.disk_space(10, accepting=False)
    values = figures(metrics)
    assert values["appealbridge_store_free_bytes",] == 10
    assert values["appealbridge_store_accepting",] == 0


def test_two_daemons_in_one_process_count_apart():
    first, other = Metrics(), Metrics()
    first.accepted("webhook:desk")
    assert ("appealbridge_events_accepted_total", ("source", "webhook:desk")) not in figures(other)


def test_the_page_lists_every_figure_with_its_kind_and_no_other():
    kinds = re.findall(
        r"^# TYPE (appealbridge_\w+) (\w+)$", Metrics().render({}, 0).decode(), re.MULTILINE
    )
    rows = re.findall(r"^\| `(appealbridge_\w+)` \| (\w+) \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(kinds)


def test_the_page_lists_every_label():
    metrics = Metrics()
    metrics.accepted("s")
    metrics.refused("w", 401)
    metrics.attempted("c", "delivered", 1.0)
    metrics.committed(1.0, 1)
    metrics.recipes(1, 1)
    metrics.noticed("delivery.failed", "told")
    metrics.source_failures("s", 1)
    metrics.flooded("webhook:desk")
    metrics.channel_works("c", works=False)
    metrics.overdue({"c": 1.0})
    labels = {}
    for family in families(metrics.render({("held", "c"): 1}, 0.0).decode()):
        if family.name.startswith("appealbridge_"):
            name = family.name + ("_total" if family.type == "counter" else "")
            labels[name] = {label for sample in family.samples for label in sample.labels} - {"le"}
    rows = re.findall(
        r"^\| `(appealbridge_\w+)` \| \w+ \| ([^|]*)\|", PAGE.read_text(), re.MULTILINE
    )
    assert {name: set(re.findall(r"`(\w+)`", cell)) for name, cell in rows} == labels
