"""Which lines are shown with a problem, and which may hold a secret in plain text."""

import pytest

from appealbridge.documents import Problem
from appealbridge.settings.mask_lines import without_secret_lines


def shown(line, path=""):
    [problem] = without_secret_lines([Problem("f", 1, 1, path, "p", "c", source_line=line)])
    return problem.source_line


@pytest.mark.parametrize(
    "line",
    ["listen: 127.0.0.1:80", "  page_token: !secret fb", "credentials:", "credentials: # here",
     "credentials: { page_token: !secret fb }", "secrets: [!secret a, !secret b]", "secrets: [",
     "  - entry", "api: https://x.uk"],
)  # fmt: skip
def test_a_line_without_a_secret_is_shown(line):
    assert shown(line) == line


@pytest.mark.parametrize(
    "line",
    ["page_token: abc", 'page_token: "abc"', "  PageToken:abc", "credentials: abc", "secrets: [abc]",
     "{ a: 1, credentials: { page_token: abc } }", '"client_secret": abc', "api_key: abc", "consumer_key: abc",
     "password_hash: $argon2", "access_token: abc: x", "token: !other abc"],
)  # fmt: skip
def test_a_line_on_which_one_may_stand_is_not(line):
    assert shown(line) == ""


def test_an_entry_of_a_list_of_secrets_is_not_shown():
    assert shown("      - abc", "webhooks.a.secrets[0]") == ""


def test_what_one_problem_must_not_show_no_other_one_shows():
    single = Problem("f", 7, 1, "a", "a secret stands here", "", source_line="")
    two = Problem("f", 7, 9, "b", "unknown", "", source_line="a: abc, b: x")
    three = Problem("f", 2, 1, "c", "unknown", "", source_line="c: x")
    assert [problem.source_line for problem in without_secret_lines([single, two, three])] == [
        "c: x",
        "",
        "",
    ]
