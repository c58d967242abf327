"""The YAML parser's errors in plain words, each with how it is usually fixed."""

from __future__ import annotations

_WORDS = {
    "mapping values are not allowed in this context": (
        "a second colon on one line",
        "put text with a colon in quotes, or fix the indentation",
    ),
    "found a tab character that violates indentation": (
        "tabs cannot be used to indent",
        "use spaces",
    ),
    "found unexpected end of stream": ("these quotes are never closed", "close them"),
    "found unknown escape character": (
        "unknown escape after a backslash",
        "use single quotes, or double the backslash",
    ),
    "did not find expected hexdecimal number": (
        "unknown escape after a backslash",
        "use single quotes, or double the backslash",
    ),
    "did not find expected key": (
        "this does not fit the lines above",
        "fix the indentation; text after closing quotes must go inside them",
    ),
    "did not find expected '-' indicator": (
        "this does not fit the list above",
        "begin it with a dash, or fix the indentation",
    ),
    "did not find expected node content": (
        "a value is missing here",
        "write it, or close the bracket",
    ),
    "did not find expected ',' or '}'": (
        "this { is not closed",
        "close it with }, or put a comma between the entries",
    ),
    "did not find expected ',' or ']'": (
        "this [ is not closed",
        "close it with ], or put a comma between the entries",
    ),
    "did not find expected <document start>": (
        "text after the end of the document",
        "fix the indentation, or delete it",
    ),
    "found invalid Unicode character escape code": (
        "this escape code means no character",
        "delete it",
    ),
    "found undefined tag handle": ("text cannot begin with !", "put it in quotes"),
    "could not find expected ':'": ("a name without its colon", "write `name: value`"),
}

BEGUN_BEFORE = frozenset(
    {"these quotes are never closed", "this { is not closed", "this [ is not closed"}
    | {"a name without its colon"}
)
"""Problems that are reported where they begin, not where the parser stopped."""

_BRACKETS = frozenset("[{")


def syntax_message(problem: str, character: str) -> tuple[str, str]:
    """Return what is wrong and how to fix it, for one of the parser's errors."""
    if problem == "found character that cannot start any token":
        if character == "\t":
            return _WORDS["found a tab character that violates indentation"]
        return f'text cannot begin with "{character}"', "put it in quotes"
    if character in _BRACKETS and problem.startswith("did not find expected ',' or"):
        return f'"{character}" in the middle of a text', "put the text in quotes"
    return _WORDS.get(problem, (problem, "put the text in quotes, or fix the indentation"))
