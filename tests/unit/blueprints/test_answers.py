"""What may be answered, what is proposed, and what an answer means."""

import pytest

from appealbridge.blueprints.answers import Offer, offer, understood
from appealbridge.blueprints.blueprint import Input
from tests.recipes.plugins import catalogue

KNOWN = catalogue()


def an_input(kind="text", **more):
    return Input(description="Which", kind=kind, **more)


def answered(answer, kind="text", **more):
    question = an_input(kind, **more)
    return understood(question, answer, offer(question, KNOWN))


def test_the_accounts_of_the_platform_are_offered():
    mail = offer(an_input("channel", platform="email"), KNOWN)
    assert mail == Offer(("custody_office", "press_office"), None)


def test_the_only_account_is_the_default():
    assert offer(an_input("channel", platform="x"), KNOWN) == Offer(("force_x",), "force_x")


def test_a_default_that_is_not_declared_gives_way_to_what_is():
    assert offer(an_input("webhook", default="roads"), KNOWN).default == "incident-desk"
    assert offer(an_input("list", default="press@example.org"), KNOWN).default == "regional_press"


def test_a_default_stands_where_nothing_is_declared():
    nothing = catalogue(sources={}, lists={})
    assert offer(an_input("webhook", default="roads"), nothing) == Offer((), "roads")


def test_what_may_be_left_out_is_where_nothing_fits():
    assert offer(an_input("channel", platform="mastodon", optional=True), KNOWN) == Offer((), "")


def test_which_of_several_is_never_guessed_not_even_none_of_them():
    assert offer(an_input("channel", platform="email", optional=True), KNOWN).default is None


def test_that_nobody_has_to_agree_is_never_taken_for_granted():
    nobody = catalogue(people=frozenset())
    assert offer(an_input("people"), nobody) == Offer(("none",), None)
    assert offer(an_input("people", optional=True), nobody).default == ""
    assert offer(an_input("people", default="none"), nobody).default is None
    assert offer(an_input("people", default="none", optional=True), nobody).default == ""
    assert understood(an_input("people"), "none", offer(an_input("people"), nobody)) == "none"


MEANINGS = {
    "a text": (answered("  Seen.  "), "Seen."),
    "a length of time": (answered("30m", "duration"), "30m"),
    "a time": (answered("08:00", "time"), "08:00"),
    "a time as people say it": (answered("6am", "time"), "06:00"),
    "addresses from a mail program": (answered("a@x.org; b@x.org", "list"), ["a@x.org", "b@x.org"]),
    "a number": (answered("3", "number"), 3),
    "an account": (answered("force_x", "channel", platform="x"), "force_x"),
    "a list": (answered("regional_press", "list"), "{{ lists.regional_press }}"),
    "addresses": (answered("a@x.org, b@x.org", "list"), ["a@x.org", "b@x.org"]),
    "one of a list": (answered("red", "choice", choices=["red", "amber"]), "red"),
    "what stands behind": (answered("all", "choice", choices={"all": ["a", "b"]}), ["a", "b"]),
    "left out": (answered("", "channel", platform="x", optional=True), None),
}


@pytest.mark.parametrize(("value", "expected"), MEANINGS.values(), ids=MEANINGS.keys())
def test_an_answer_means(value, expected):
    assert value == expected


WRONG = {
    "nothing": ("", "text", {}, "an answer is needed"),
    "no length of time": ("soon", "duration", {}, "length of time"),
    "no time": ("8 o'clock", "time", {}, "write it as 08:00"),
    "no number": ("three", "number", {}, "write it as 3"),
    "no account": ("forse_x", "channel", {"platform": "x"}, 'did you mean "force_x"'),
    "no choice": ("blue", "choice", {"choices": ["red"]}, "red"),
    "no list": ("national_press", "list", {}, "regional_press"),
    "no name": ("two words", "feed", {}, "cannot be a name"),
}


@pytest.mark.parametrize(("answer", "kind", "more", "expected"), WRONG.values(), ids=WRONG.keys())
def test_what_will_not_do_is_refused_with_the_cure(answer, kind, more, expected):
    with pytest.raises(ValueError, match=expected):
        answered(answer, kind, **more)


def test_only_lists_of_mail_addresses_are_offered():
    lists = {
        "press": ["desk@example.org", "Radio <radio@example.org>"],
        "phones": ["+44 121 496 0999"],
        "digbeth": ["52.480, -1.890", "52.480, -1.870", "52.465, -1.870"],
        "nobody": [],
    }
    assert offer(an_input("list"), catalogue(lists=lists)).names == ("press",)


def test_nobody_is_not_offered_where_everything_must_be_held():
    held = an_input("people", held=True, optional=True)
    assert offer(held, KNOWN).names == ("duty_comms", "officer_in_charge")
    with pytest.raises(ValueError, match="known here: duty_comms"):
        understood(held, "none", offer(held, KNOWN))


@pytest.mark.parametrize(
    ("kind", "cure"),
    [
        ("list", "write addresses, or a list of them; nothing fits yet in lists:"),
        ("feed", "nothing fits yet in feeds: of appealbridge.yaml"),
        ("duration", "for example 30m"),
        ("text", "any text"),
    ],
)
def test_no_answer_where_one_is_needed_gets_what_is_needed(kind, cure):
    nothing = catalogue(sources={}, lists={})
    with pytest.raises(ValueError, match=f"an answer is needed; .*{cure}"):
        understood(an_input(kind), "", offer(an_input(kind), nothing))
