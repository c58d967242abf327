"""What others send is published without invisible characters, and mentions nobody unless the recipe means it."""

import re

import orjson
import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st
from twitter_text import extract_urls_with_indices
from twitter_text.regexp.emoji import emoji_list

from appealbridge.recipes.planning.plan import plan
from appealbridge.recipes.templates.public_text import (
    HAIR_SPACE,
    without_invisible,
    without_mentions,
)
from tests.recipes.plugins import X
from tests.unit.recipes.conftest import event_of, recipe_of

NOW = 1_777_636_811.0
MASTODON = re.compile(
    r"(?<![=/\w])@([a-z0-9_]+(?:[.-]+[a-z0-9_]+)*(?:@\w+(?:[.-]+\w+)*)?)", re.IGNORECASE
)
"""What Mastodon takes for a mention, in addresses of pages as anywhere else."""

ON_X = re.compile(
    r"(?:^|[^a-zA-Z0-9_!#$%&*@＠]|(?:^|[^a-zA-Z0-9_+~.-])(?:rt|RT|rT|Rt):?)([@＠][a-zA-Z0-9_]{1,20})"
)
"""What X takes for a mention, where it is not in a link."""


def mentions_on_x(text):
    links = [each["indices"] for each in extract_urls_with_indices(text)]
    result = ON_X.finditer(text)
    return [each[1] for each in result if not any(a <= each.start(1) < b for a, b in links)]


def nobody(mention):
    return False


def shown(text):
    return text.replace(HAIR_SPACE, "_")


# -- invisible characters ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "plain words",
        "Größe – “quoted” £5",
        "می\u200cخواهم",
        "क\u094d\u200dष",
        "ශ\u0dca\u200dරී",
        "ه\u200d",
        "👨\u200d👩\u200d👧\u200d👦",
        "👩🏽\u200d🚒",
        "❤️\u200d🔥",
        "1\ufe0f\u20e3",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "🇬🇧",
        "葛\U000e0100",
        "אבג",
    ],
)
def test_what_scripts_and_emoji_need_stays(text):
    assert without_invisible(text) == text


def test_every_emoji_stays():
    assert [each.emoji for each in emoji_list if without_invisible(each.emoji) != each.emoji] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\u202eevil", "evil"),
        ("a\u2066b\u2069c\u200fd\u061ce", "abcde"),
        ("zero\u200bwidth\u2060join\ufeff", "zerowidthjoin"),
        ("soft\u00adhyphen", "softhyphen"),
        ("a\u200db\u200cc", "abc"),
        ("👩\u200d and", "👩 and"),
        ("👩\u200c👩", "👩👩"),
        ("می\u200c\u200c\u200cخ", "می\u200cخ"),
        ("x\U000e0068\U000e0069", "x"),
        ("🏴\U000e0067\U000e0062", "🏴"),
        ("👍\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "👍"),
        ("a\u034fb", "ab"),
        ("\ufffb\u180e", ""),
        ("a\x1b[31mb\x07\x7f\x9b1m\x00", "a[31mb1m"),
        ("one\x0btwo\x85three\x1cfour\r\n\tfive", "one two three four\r\n\tfive"),
        ("9\u11609\u17b49\u3164\uffa0", "999"),
    ],
)
def test_what_does_not_show_is_removed(text, expected):
    assert without_invisible(text) == expected


BIDI = regex.compile(r"\p{Bidi_Control}")


@given(
    st.text(
        alphabet="aم👩🏴\u200d\u200c\u200b\u202e\u2067\ufe0f\U000e0067\U000e007f\u0301", max_size=30
    )
)
def test_removing_leaves_nothing_to_remove(text):
    result = without_invisible(text)
    assert not BIDI.search(result)
    assert "\u200b" not in result
    assert len(result) <= len(text)


# -- mentions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("thanks @bob!", "thanks @_bob!"),
        ("@bob", "@_bob"),
        ("＠bob", "＠_bob"),
        ("@bob@mastodon.example", "@_bob@mastodon.example"),
        ("RT@bob rt:@bob", "RT@_bob rt:@_bob"),
        ("é@bob (@bob) .@bob", "é@_bob (@_bob) .@_bob"),
        ("@@bob", "@@_bob"),
        ("@[100:1:Bob]", "@_[100:1:Bob]"),
        ("@Ålesund", "@_Ålesund"),
        ("a.co?@bob", "a.co?@_bob"),
        ("http://intranet/@bob", "http://intranet/@_bob"),
        ("ask @", "ask @_"),
    ],
)
def test_a_mention_is_broken_up(text, expected):
    assert shown(without_mentions(text, nobody)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "press@example.police.uk",
        "write to first.last+tag@example.org, please",
        "https://mastodon.social/@force/123",
        "see https://www.youtube.com/@force?x=1 now",
        "example.com/@force",
        "5 @ £3",
        "no sign at all",
    ],
)
def test_addresses_and_other_signs_stay(text):
    assert without_mentions(text, nobody) == text


def test_what_is_meant_stays():
    text = without_mentions("@WMPolice and @bob", {"@wmpolice"}.__contains__)
    assert shown(text) == "@WMPolice and @_bob"


def test_in_a_text_of_very_many_signs_all_are_broken_up():
    text = without_mentions("@a " * 1001 + "https://a.co/@b", nobody)
    assert text == f"@{HAIR_SPACE}a " * 1001 + f"https://a.co/@{HAIR_SPACE}b"


PIECES = st.sampled_from(
    ["@bob", "@", "＠", "bob", "RT", "rt:", " ", ".", "-", "/", "=", "?", "é", "日本", "_", "!", "https://a.co/",
     "a.co", "@m.example", "\n", "#", "http://", "(", "[", "&"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=9), st.lists(PIECES, max_size=2))
@example(["https://a.co/", "@", "@bob", "/", "@bob"], [])
@example(["http://", "＠", "RT", "＠", "a.co"], [])
def test_no_platform_finds_a_mention(pieces, more):
    text = without_mentions("".join(pieces), nobody)
    assert MASTODON.findall(text) == []
    assert mentions_on_x(text) == []
    behind = re.sub("[@＠]", "", "".join(more))  # what the author writes behind it
    assert MASTODON.findall(text + behind) == []
    assert text.replace(HAIR_SPACE, "") == "".join(pieces)


# -- in a recipe ---------------------------------------------------------------------------------


def published(text, data=None, before="", action="tweet", **more):
    """Return what a recipe publishes about an event with these data."""
    step = f"{{ action: {action}, text: {orjson.dumps(text).decode()} }}"
    recipe = recipe_of(f"{before}actions:\n  - {step}\n", **more)
    planned = plan(recipe, event_of(data), {}, NOW)
    assert not planned.failed, planned.failed
    (delivery,) = planned.deliveries
    return shown(orjson.loads(delivery.content)["text"])


HOSTILE = {"title": "see @bob \u202ehere", "by": "bob", "sign": "@", "at": "@bob"}
BROKEN = "see @_bob here"


@pytest.mark.parametrize(
    "text",
    [
        "{{ event.data.title }}",
        "$.title",
        "{{ event.data.title | shorten(100) }}",
        "{{ whole }}",
        "{{ path }}",
        "{{ words }}",
        "{% if true %}{{ event.data.title }}{% endif %}",
        "{{ [event.data.title] | join }}",
        "{{ event.data.title ~ '' }}",
        "{{ event.data.nothing | default(event.data.title) }}",
    ],
)
def test_however_a_value_comes_into_a_text_it_is_made_fit_for_it(text):
    variables = (
        "{ whole: '{{ event.data.title }}', path: $.title, words: 'see {{ event.data.at }} here' }"
    )
    assert published(text, HOSTILE, f"variables: {variables}\n") == BROKEN
    controls = {"title": "see \x1b[31mbob\x07 here", "by": "b\x00ob", "at": "\x1b[31mbob\x07"}
    assert published(text, controls, f"variables: {variables}\n") == "see [31mbob here"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ask @WMPolice: {{ event.data.title }}", "Ask @WMPolice: see @_bob here"),
        ("By @{{ event.data.by }}", "By @bob"),
        ("By @{{ event.data.by }}_x", "By @bob_x"),
        ("{{ who }}", "By @bob"),
        ("{{ who }}, {{ event.data.at }}", "By @bob, @bob"),
        ("{{ force }} {{ event.data.at }}", "@WMPolice @_bob"),
        ("{{ event.data.nothing | default('@WMPolice') }}", "@WMPolice"),
        ("{% if true %}@WMPolice {{ event.data.at }}{% endif %}", "@WMPolice @_bob"),
        ("{{ lists.partners | join(' ') }} {{ event.data.at }}", "@Partner @_bob"),
        ("{{ event.data.at | mentions }} {{ event.data.title }}", "@bob see @bob here"),
        ("{{ event.data.sign }}{{ event.data.by }}", "@_bob"),
        ("{{ event.data.sign }}bob", "@_bob"),
        ("\u200fقف {{ event.data.title }}", "\u200fقف see @_bob here"),
        ("{{ stop }} {{ event.data.title }}", "\u200fقف see @_bob here"),
        ("{{ both }}", "\u200fقف see @_bob here"),
    ],
)
def test_what_the_author_writes_stays(text, expected):
    variables = (
        "{ who: 'By @{{ event.data.by }}', force: '@WMPolice', stop: '\u200fقف',"
        " both: '\u200fقف {{ event.data.title }}' }"
    )
    lists = {"partners": ["@Partner"]}
    assert published(text, HOSTILE, f"variables: {variables}\n", lists=lists) == expected


def test_a_mention_is_counted_as_it_will_be_published():
    text = published("{{ event.data.title | shorten(20) }}", {"title": "@bob " * 10})
    assert len(text) <= 20


@pytest.mark.parametrize(
    "condition",
    ['{ field: $.title, equals: "@bob\\u200b" }', "\"{{ event.data.title == '@bob\\u200b' }}\""],
)
def test_conditions_see_what_was_sent_and_their_mentions_are_not_published(condition):
    data = {"title": "@bob\u200b"}
    assert published("{{ event.data.title }}", data, f"conditions: [{condition}]\n") == "@_bob"


def test_a_mention_in_a_test_of_the_recipe_is_not_one_that_its_author_writes():
    tests = (
        "tests: [{ name: a, event: { type: appeal.new, data: { title: '@bob' } }, expect: [] }]\n"
    )
    assert published("{{ event.data.title }}", HOSTILE, tests) == BROKEN


MAIL = "{ action: email, channel: press_office, to: '{{ event.data.to }}', subject: a, text: '{{ event.data.title }}' }"


def test_a_channel_says_in_which_options_it_links_mentions(monkeypatch):
    monkeypatch.setattr(X, "mentions", frozenset())
    assert published("{{ event.data.title }}", HOSTILE) == "see @bob here"


def test_addresses_of_mail_are_cleaned_and_stay_addresses():
    recipe = recipe_of(f"actions: [{MAIL}]\n")
    data = {"title": "Hello", "to": ["desk\u200b@example.org", "b@example.org"]}
    planned = plan(recipe, event_of(data), {}, NOW)
    sent = [orjson.loads(delivery.content)["to"] for delivery in planned.deliveries]
    assert sent == ["desk@example.org", "b@example.org"]


def test_a_link_of_its_own_keeps_its_sign():
    address = "https://intranet.example/@bob?x=@y"
    recipe = recipe_of("actions: [{ action: tweet, text: a, reply_to: '{{ event.data.at }}' }]\n")
    (delivery,) = plan(recipe, event_of({"at": address}), {}, NOW).deliveries
    assert orjson.loads(delivery.content)["reply_to"] == address


def test_who_means_an_account_of_one_server_does_not_mean_that_of_another():
    recipe = recipe_of(
        'actions: [{ action: tweet, channel: force_x, text: "Ask @force.police.uk: {{ event.data.text }}" }]'
    )
    data = {"text": "@force.evil.example, @force and @Force.Police.uk"}
    (delivery,) = plan(recipe, event_of(data), {}, NOW).deliveries
    text = orjson.loads(delivery.content)["text"]
    assert shown(text) == "Ask @force.police.uk: @_force.evil.example, @_force and @Force.Police.uk"
