"""The fields that the settings declare for a webhook."""

import pytest

from appealbridge.plugin.registry import load
from appealbridge.settings.load import load_settings
from appealbridge.triggers.webhook.fields import differences, names_of

FIELDS = {
    "road": "text",
    "lanes": "number",
    "open": "boolean",
    "at": "time",
    "tags": "list",
    "place": "object",
    "place.name": "text",
    "cars.plate": "text",
}
BODY = {
    "road": "M6",
    "lanes": 2,
    "open": False,
    "at": "2026-05-01T12:00:00Z",
    "tags": [],
    "place": {"name": "Aston"},
    "cars": [{"plate": "A1"}, {"plate": "B2"}],
}


def test_a_body_with_all_that_is_declared_differs_in_nothing():
    assert [*differences(FIELDS, BODY)] == []


def test_a_field_without_a_value_or_left_out_is_no_difference():
    assert [*differences(FIELDS, {"road": None})] == []


@pytest.mark.parametrize(
    ("body", "difference"),
    [
        ({"raod": "M6"}, "raod is not declared"),
        ({"road": 6}, "road is declared as text, and is a number"),
        ({"lanes": True}, "lanes is declared as number, and is true"),
        ({"at": "soon"}, "at is declared as time, and is text"),
        ({"place": {"nmae": "Aston"}}, "place.nmae is not declared"),
        ({"cars": [{"plate": 1}]}, "cars.plate is declared as text, and is a number"),
    ],
)
def test_what_differs_is_named(body, difference):
    assert [*differences(FIELDS, body)] == [difference]


def test_a_star_lets_others_be():
    assert [*differences({**FIELDS, "*": "any"}, {"raod": 1, "place": {"x": 1}})] == [
        "place.x is not declared"
    ]


def test_a_body_with_thousands_of_differences_is_told_twenty():
    problems = [*differences(FIELDS, {f"x{number}": 1 for number in range(5000)})]
    assert (len(problems), problems[-1]) == (21, "and more")


def test_a_webhook_without_declared_fields_has_no_differences():
    assert [*differences({}, {"anything": 1})] == []


def test_the_field_that_another_is_inside_is_a_field():
    assert names_of({"a.b.c": "text"}) == {"a", "a.b", "a.b.c"}


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("{ road: words }", "webhooks.desk.fields.road"),
        ("{ 'a b': text }", "webhooks.desk.fields"),
        ("{ '*.a': text }", "webhooks.desk.fields"),
    ],
)
def test_a_mistake_in_the_fields_is_reported_at_its_place(tmp_path, written, problem):
    errors = problems(tmp_path, f"signature: none, allow_unsigned: true, fields: {written}")
    assert any(each.path.startswith(problem) for each in errors), errors


def test_a_preset_that_knows_its_fields_takes_no_others(tmp_path):
    (errors,) = problems(
        tmp_path,
        "signature: none, allow_unsigned: true, preset: alertmanager, fields: { a: text }",
    )
    assert "leave fields out" in errors.text()


def problems(tmp_path, options):
    from appealbridge.documents import InvalidDocuments

    file = tmp_path / "appealbridge.yaml"
    file.write_text(f"webhooks:\n  desk: {{ {options} }}\n")
    sections = {t.section: t.source_options for t in load().triggers.values() if t.section}
    with pytest.raises(InvalidDocuments) as invalid:
        load_settings(file, platforms={}, sections=sections)
    return invalid.value.problems
