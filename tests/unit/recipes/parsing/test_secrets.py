import pytest

from appealbridge.documents import read
from appealbridge.recipes.parsing.load import load_recipe
from appealbridge.recipes.parsing.secrets import secrets_in
from tests.recipes.plugins import catalogue

LETTERS = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5kL7nP9"
TOKENS = [
    f"whsec_{LETTERS[:24]}",
    f"ghp_{LETTERS[:36]}",
    f"github_pat_{LETTERS[:30]}",
    f"xoxb-{LETTERS[:24]}",
    f"EAA{LETTERS[:40]}",
    f"1234567890123-{LETTERS[:40]}",
    f"AAAAAAAAAAAAAAAAAAAA{LETTERS}{LETTERS}",
    f"sk_live_{LETTERS[:24]}",
    "AKIAIOSFODNN7EXAMPLE",
    f"eyJ{LETTERS[:20]}.eyJ{LETTERS[:20]}.{LETTERS[:20]}",
    "-----BEGIN RSA PRIVATE KEY-----",
    f"Bearer {LETTERS[:30]}",
    "https://hooks.slack.com/services/T00/B00/XXXX",
    "smtp://desk:hunter2@mail.example.org",
]
RECIPE = """
triggers: [{{ trigger: appeal }}]
actions:
  - action: tweet
    text: "{}"
approval: none
"""


@pytest.mark.parametrize("token", TOKENS, ids=[token[:10] for token in TOKENS])
def test_a_token_is_found_and_shown_nowhere(token):
    recipe, problems = load_recipe(RECIPE.format(token), "a.yaml", "a", catalogue())
    assert recipe is None
    (problem,) = problems
    assert (problem.problem, problem.line) == ("this looks like a secret", 5)
    assert token not in problem.text()


@pytest.mark.parametrize("token", [token for token in TOKENS if " KEY" not in token])
def test_no_other_complaint_shows_a_token(token):
    for wrong in (
        '    txt: "{}"',
        "    channel: {}",
        '    text: "{}" x',
        '    text: "{{{{ a | {} }}}}"',
    ):
        text = RECIPE.replace('    text: "{}"', wrong).format(token)
        _, problems = load_recipe(text, "a.yaml", "a", catalogue())
        assert problems
        assert token[4:] not in "".join(problem.text() for problem in problems)


@pytest.mark.parametrize(
    "line",
    [
        "text: see https://www.example.police.uk/appeals/2026/a-very-long-name-of-a-page-412",
        "text: press@example.police.uk",
        "text: call 0121 496 0000 and quote 20260412-0099",
        "webhook_id: incident-desk-of-the-west-midlands",
        "text: '{{ event.data.token }}'",
        "token: '{{ event.data.token }}'",
        "text: the secret is out",
        "text: Bearer of bad news",
        "text: 'Mail https://x.example/?to={{ a }}:{{ b }}@example.org'",
    ],
)
def test_what_people_write_is_no_secret(line):
    assert secrets_in(read(f"actions:\n  - {line}\n", "a.yaml")) == []


@pytest.mark.parametrize("name", ["password", "access_token", "api_key", "CLIENT_SECRET"])
def test_what_stands_under_a_name_for_secrets_is_one(name):
    (problem,) = secrets_in(read(f"actions:\n  - {name}: correct horse\n", "a.yaml"))
    assert problem.path == f"actions[0].{name}"
    assert problem.line == 2


def test_the_data_of_a_tests_event_may_have_any_names():
    assert (
        secrets_in(read("tests:\n  - event: { data: { token: correct-horse } }\n", "a.yaml")) == []
    )
