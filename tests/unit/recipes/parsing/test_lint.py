"""What is noted because its writer would be surprised to find it published, and what is meant."""

import pytest

from tests.recipes.golden import problems_of

RECIPE = """alias: A
approval: none
triggers: [{{ trigger: appeal }}]
variables:
  where: the city
actions:
  - action: tweet
    channel: force_x # the big one
    text: {text}
  - {{ action: tweet, channel: force_x, text: "{{{{ where }}}}" }}
"""


@pytest.mark.parametrize(
    "text",
    [
        "Aisha is missing # the text of the press office",
        '"Aisha is missing #Missing"',
        "Aisha is missing#Missing",
        "|\n      Aisha is missing #Missing",
        "“We saw her”, they said, “at noon”",
        '"“We saw her”"',
        "They said “we saw her”",
        "'{ where it was }'",
        "'{\"place\": 1}'",
        "\"{{ {'where': where}['where'] }}\"",
        "'{% for one in [where] %}{ {{ one }} }{% endfor %}'",
        "'{{ where }} costs $5'",
        "$5 is no bribe",
    ],
)
def test_what_is_most_likely_meant_is_not_noted(text):
    assert problems_of("a", RECIPE.format(text=text)) == ""


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("Aisha is missing #Missing #Digbeth", "9:28", '"#Missing" begins a comment'),
        ("‘{{ where }}’", "9:11", "typographic"),
        ("'Seen in {where}'", "9:20", "{{ where }}"),
        ("'Seen in { { where } }'", "9:20", "{{ where }}"),
        ("'Seen in { where | upper } and {{ where }}'", "9:20", "{{ where | upper }}"),
    ],
)
def test_what_would_surprise_is_noted_at_its_place(text, place, message):
    settings_text = problems_of("a", RECIPE.format(text=text))
    assert settings_text.startswith(f"recipes/a.yaml:{place}: actions[0].text: note: ")
    assert message in settings_text
    assert settings_text.count("recipes/a.yaml") == 1
