"""
Finds what a text must not be cut in: links, hashtags, mentions, addresses of mail and phone numbers.

Half a phone number is a wrong one, and half a name is another account's. This finds what any platform takes for one of
these, so a text is cut in the same place on all of them. Each takes time in proportion to the length of the text.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

import regex

from appealbridge.plugin.text.links import links

Span = tuple[int, int]
"""Where something begins in a text, and where it ends."""

_IN_HASHTAG = r"[\w·\u05be\u05f3\u05f4\u0f0b\u0f0c\u3003\u301c\u309b\u309c\u30a0\u30fb\uff5e]"

# Longer ones are no names on any platform, so a cut in them does no harm.
_NAME = regex.compile(
    rf"""
    # An account, also with its server, or an address of mail.
    (?<! [A-Za-z0-9_.+-] ) [A-Za-z0-9_.+-]{{0,64}}+ [@＠]
      [\w-]{{1,100}}+ (?: \. [\w-]{{1,63}}+ ){{0,8}}+ (?: @ [\w-]{{1,63}}+ (?: \. [\w-]{{1,63}}+ ){{0,8}}+ )?+
    |
    # An address up to the next space: X's own links end before letters such as 名, those of others do not.
    (?<! [^\s(] ) https?:// \S{{1,2000}}+ (?! \S )
    |
    # A name of a server in letters that X takes for no link without http://, such as 例え.jp.
    (?<! [\w.-] ) (?= [A-Za-z0-9_.-]{{0,63}}+ [^\x00-\x7f] ) \w [\w-]{{0,62}}+ (?: \. [\w-]{{1,63}}+ ){{0,7}}+
      (?<= \. [A-Za-z]{{2,63}} ) (?! \w )
    |
    # A hashtag; Bluesky's may have such characters inside.
    [#＃] {_IN_HASHTAG}{{1,100}}+ (?! {_IN_HASHTAG} ) (?: [-'’.+&/] \w{{1,30}}+ ){{0,4}}+
    """,
    regex.VERBOSE,
)

# "Call 101", "text 61016": without the number the word before it says nothing. Not every row of digits is a phone
# number, but nobody misses a cut in one. Where several follow each other with only a space between them, nothing says
# where one ends, so they stay together. A longer row is a table.
_NEXT_DIGIT = r"[ \u00a0().\u2010\u2011\u2013/-]{0,3} \d"
_VERBS = "call | dial | ring | phone | telephone | text | tel | sms | fax | notruf | appelez | bel"
_EXTENSIONS = (
    r"extension | ext | x | option | opt | \# | durchwahl | dw | app | poste | toestel | int"
)
_PHONE = regex.compile(
    rf"""
    (?<! [\w+] )
    (?: (?P<before> (?P<verb> {_VERBS} ) | on | or | at ) [.:]? [ \u00a0] )?+
    (?:
        (?: \+ [ \u00a0]? )?+ \(? \d (?: {_NEXT_DIGIT} ){{6,98}}+ (?! {_NEXT_DIGIT} )
        (?: [ \u00a0,(]{{0,3}}+ (?: {_EXTENSIONS} ) [.:]? [ \u00a0]? \d{{1,6}}+ \)? )?+
      |
        116 [ \u00a0]? \d{{3}} (?! \w )
      |
        (?(verb) \d (?: -? \d ){{1,5}}+ (?! \w ) | (?(before) (?: 999 | 1\d\d | 18000 ) (?! \w ) | (?!) ) )
    )
    """,
    regex.VERBOSE | regex.IGNORECASE,
)


def phone_numbers(text: str) -> list[Span]:
    """Return the phone numbers, which are all that contains white space and must not be cut."""
    return [match.span() for match in _PHONE.finditer(text)]


def unbroken(text: str) -> list[Span]:
    """Return all that must not be cut in a text, in order; what overlaps is one."""
    names = [match.span() for match in _NAME.finditer(text)]
    return [*_joined(sorted([*links(text), *names, *phone_numbers(text)]))]


def outside(places: Iterable[int], spans: Sequence[Span]) -> list[int]:
    """Return those of these places at which a cut goes through none of these spans. They are in order."""
    begins = [begin for begin, _ in spans]

    def is_outside(place: int) -> bool:
        before = bisect_left(begins, place) - 1
        return before < 0 or place >= spans[before][1]

    return [place for place in places if is_outside(place)]


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    last: Span | None = None
    for begin, end in spans:
        if last is None or begin >= last[1]:
            if last is not None:
                yield last
            last = (begin, end)
        else:
            last = (last[0], max(last[1], end))
    if last is not None:
        yield last
