"""
Masks secrets in every text before it is stored, logged or shown.

A secret is found as it is and in the forms that it takes in transport: percent-encoded, escaped in
JSON or HTML, in base64, and broken over lines. Credentials that are recognised by their place (a
bearer, a token in a query) are masked whether they are ours or not.
"""

from __future__ import annotations

import base64
import html
import json
import re
from array import array
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

import re2

MASK = "***"
SHORTEST = 4
"""Shorter secrets are not searched for: they would be found in ordinary words."""

_BY_PLACE = re.compile(
    r"""
    (?P<scheme> \b(?:bearer|basic) [ ]+ ) [\w.~+/=%-]{8,}
    | (?P<named> \b(?: access_token | appsecret_proof | client_secret | oauth_signature
        | oauth_token | password | refresh_token ) (?: ["']? \s* [=:] \s* ["']? ) ) [^\s"'&,;]+
    | (?P<user> [a-z0-9+.-] :// ) [^\s/@:]+ : [^\s/@]+ (?=@)
    """,
    re.IGNORECASE | re.VERBOSE,
)

_WORDS = (
    "bearer ", "basic ", "access_token", "appsecret_proof", "client_secret", "oauth_signature",
    "oauth_token", "password", "refresh_token",
)  # fmt: skip
"""A text without any of these, or `_USER`, has no credential that is recognised by its place."""
_USER = re.compile(r"://[^\s/@:]+:[^\s/@]+@")

_FOLDS = re.compile(r"[\n\r%\\&]")
"""A text without any of these has no escaped letter."""
_BREAKS = re.compile(r"(?<![ \t])[ \t]*+(?:(?:[\r\n]+|(?<!\\)\\++[rn])[ \t]*+)+")
_MAIL_BREAKS = re.compile(r"=(?:\r?\n|(?:\\+r)?\\+n)")
"""Line breaks, also within JSON; and those of mail, after which a line cannot end."""
_ESCAPES = re.compile(
    r"""
    % (?:25)* (?P<percent> [0-9a-fA-F]{2} )
    | \\+ u00 (?P<code> [0-9a-fA-F]{2} )
    | & (?:amp;)* \# [xX] (?P<hex> [0-9a-fA-F]{1,4} ) ;
    | & (?:amp;)* \# (?P<number> [0-9]{1,5} ) ;
    | & (?:amp;)* (?P<name> amp | apos | gt | lt | quot ) ;
    | \\+ (?P<escaped> ["'/\\] )
    """,
    re.VERBOSE,
)
"""One escaped letter in an address, JSON or HTML."""
_NAMES = {"amp": "&", "apos": "'", "gt": ">", "lt": "<", "quot": '"'}
_QUERY = re.compile(r"""(https?://[^\s"'<>?]+)\?([^\s"'<>]+)""", re.IGNORECASE)
_LOGIN = re.compile(r"""(https?://)([^\s"'<>/?#@]+)@""", re.IGNORECASE)
_NAMED = re.compile(r"key|token|secret|auth|sig|pass|code", re.IGNORECASE)
"""A name in a query whose value is a secret, whatever its form."""
_KEY = re.compile(r"(?=.*\d).{16,}")
"""A part of a path that is a key, and not a word such as `messages`."""
_LONG_ENOUGH = 8
"""Shorter secrets are not searched for across line breaks: there would be false matches."""


class Redactor:
    """Masks a set of secrets in texts. `clean` may be called from any thread."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        # The longest first, or a secret that begins another would leave the other's tail in sight.
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        bare = {_ESCAPES.sub(_letter, _BREAKS.sub("", form)) for form in self._forms}
        self._unfolded = sorted(
            (f for f in bare if len(f) >= _LONG_ENOUGH), key=lambda f: (-len(f), f)
        )
        self._suspicious = _suspicions(self._forms)

    def clean(self, text: str) -> str:
        """Return the text with every secret masked."""
        # Every line of the log comes through here and hardly one holds a secret: the one question
        # that comes first costs a tenth of what the others do.
        try:
            if not self._suspicious.Match(text):
                return text
        except UnicodeEncodeError:  # it is no text that anyone sends on purpose; look at it closely
            pass
        if (known := _one_of(self._forms, text)) is not None:
            text = known.sub(MASK, text)
        if _FOLDS.search(text) is not None:
            for breaks in (_MAIL_BREAKS, _BREAKS):
                text = self._clean_folded(text, breaks)
        return _BY_PLACE.sub(_masked, text) if _perhaps_by_place(text) else text

    def _clean_folded(self, text: str, breaks: re.Pattern[str]) -> str:
        """Mask secrets with line breaks or escaped letters in them."""
        joined = breaks.sub("", text)
        unfolded = _ESCAPES.sub(_letter, joined)
        known = _one_of(self._unfolded, unfolded)
        if known is None:
            return text
        in_joined, in_text = _places(joined, _ESCAPES), _places(text, breaks)
        parts: list[str] = []
        done = 0
        for match in known.finditer(unfolded):
            parts += text[done : in_text[in_joined[match.start()]]], MASK
            done = in_text[in_joined[match.end()]]
        return "".join((*parts, text[done:]))


def _one_of(forms: Iterable[str], text: str) -> re.Pattern[str] | None:
    """
    Return a pattern for those of the forms that are in the text, the first of them preferred; `None` if none is.

    A pattern for all of them takes the longest part of a start to compile, if there are many secrets.
    """
    present = [re.escape(form) for form in forms if form in text]
    return re.compile("|".join(present)) if present else None


def secrets_of_address(address: str) -> Iterator[str]:
    """Yield the secret parts of the address of a source: its query, and keys in it."""
    try:
        query = urlsplit(address).query
    except ValueError:
        return
    if len(query) >= _LONG_ENOUGH:
        yield query
    for name, value in parse_qsl(query):
        if _NAMED.search(name):
            yield value


def with_parts(secrets: Iterable[str]) -> set[str]:
    """Return secrets, and of those that are addresses also the parts that may be shown without the rest."""
    secrets_found = set(secrets)
    for secret in [*secrets_found]:
        if not secret.startswith(("http://", "https://")):
            continue
        try:
            address = urlsplit(secret)
        except ValueError:
            continue
        secrets_found |= {*secrets_of_address(secret)}
        if address.password:
            secrets_found |= {address.password, unquote(address.password)}
        secrets_found |= {part for part in address.path.split("/") if _KEY.fullmatch(part)}
        if len(address.path) > 1:
            secrets_found.add(f"{address.netloc}{address.path}")
    return secrets_found


def without_queries(text: str) -> str:
    """
    Return a text of the same length without keys and passwords in its addresses.

    These are their queries, and what is before the @.
    """
    text = _LOGIN.sub(lambda match: f"{match[1]}{'*' * len(match[2])}@", text)
    return _QUERY.sub(lambda match: f"{match[1]}?{'*' * len(match[2])}", text)


def _suspicions(forms: Iterable[str]) -> re2.Set:
    """Return patterns that find in one pass whether a text needs masking."""
    pattern = "|".join(map(re2.escape, _WORDS))
    # How a secret begins is suspicious enough, and takes a tenth of the memory that all of it would.
    beginnings = sorted({re2.escape(form[:_LONG_ENOUGH]) for form in forms})
    searches = re2.Set.SearchSet()
    searches.Add("|".join([f"(?i:{pattern})", r"[\n\r%\\&]", _USER.pattern, *beginnings]))
    searches.Compile()
    return searches


def _letter(match: re.Match[str]) -> str:
    """Return the letter that is escaped here."""
    match match.lastgroup or "":
        case "number":
            return chr(int(match["number"]))
        case "name":
            return _NAMES[match["name"]]
        case "escaped":
            return match["escaped"]
        case group:
            return chr(int(match[group], 16))


def _places(text: str, folds: re.Pattern[str]) -> array[int]:
    """Return the position in the text of every letter of the unfolded text, and of its end."""
    places = array("L")
    done = 0
    for match in folds.finditer(text):
        places.extend(range(done, match.start()))
        if match.lastgroup is not None:
            places.append(match.start())
        done = match.end()
    places.extend(range(done, len(text) + 1))
    return places


def _perhaps_by_place(text: str) -> bool:
    small = text.casefold()
    return any(word in small for word in _WORDS) or _USER.search(text) is not None


def _masked(match: re.Match[str]) -> str:
    return f"{match['scheme'] or match['named'] or match['user']}{MASK}"


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote(secret)
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield html.escape(secret)
    yield repr(secret)[1:-1]
    yield from _inside_base64(secret.encode())


def _inside_base64(secret: bytes) -> Iterator[str]:
    """
    Yield the secret as base64 writes it inside a longer text, as in `user:password`.

    Three bytes become four letters, so there are three ways to begin. The letters at both ends that
    depend on a neighbour are left off.
    """
    for shift in range(3):
        padded = b"\0" * shift + secret
        begin = -(-shift * 8 // 6)
        end = len(padded) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            core = encode(padded).decode()[begin:end]
            if len(core) >= SHORTEST:
                yield core
