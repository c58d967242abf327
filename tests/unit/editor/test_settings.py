"""The schema of appealbridge.yaml."""

from functools import cache

import pytest
from jsonschema import Draft202012Validator

from appealbridge.editor.settings import settings_schema
from appealbridge.plugin.registry import load
from tests.unit.editor.test_recipe import unexplained

PRACTICE = {"practice": "http://127.0.0.1:8090"}


@cache
def settings():
    return Draft202012Validator(settings_schema(load(third_party=False)))


def test_it_is_a_schema():
    Draft202012Validator.check_schema(settings().schema)


def test_an_empty_file_fits():
    assert settings().is_valid({})


FINE = {
    "an account": {
        "channels": {"fb": {"platform": "facebook", "page_id": "1", "credentials": {"page_token": "x"}}}
    },
    "an account in practice": {**PRACTICE, "channels": {"force_x": {"platform": "x"}}},
    "a list in a file of its own": {"lists": {"press": "lists/press.yaml"}},
    "quiet hours": {
        "holds": {"quiet_hours": {"between": ["23:00", "06:30"], "except": ["threat_to_life"]}}
    },
    "a length of time": {"shutdown_within": "20s"},
}  # fmt: skip


@pytest.mark.parametrize("values", FINE.values(), ids=FINE.keys())
def test_what_can_be_said_fits(values):
    assert settings().is_valid(values)


WRONG = {
    "an unknown key": {"chanels": {}},
    "no platform": {"channels": {"force_x": {}}},
    "an unknown platform": {**PRACTICE, "channels": {"force_x": {"platform": "twitter"}}},
    "an account without a login": {"channels": {"force_x": {"platform": "x"}}},
    "an option of another platform": {
        **PRACTICE,
        "channels": {"force_x": {"platform": "x", "page_id": "1"}},
    },
    "a name with a blank": {**PRACTICE, "channels": {"force x": {"platform": "x"}}},
    "a page number that is a number": {
        **PRACTICE,
        "channels": {"fb": {"platform": "facebook", "page_id": 1}},
    },
    "an unknown kind of proof": {"webhooks": {"roads": {"signature": "hmack"}}},
    "a feed without an address": {"feeds": {"news": {"every": "5m"}}},
    "an hour that is none": {"holds": {"quiet": {"between": ["23:00", "26:30"]}}},
}


@pytest.mark.parametrize("values", WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_said_does_not_fit(values):
    assert not settings().is_valid(values)


def test_every_option_has_a_description_and_an_example():
    assert [*unexplained(settings().schema)] == []
