"""Jinja's errors about a template in plain words, each with how it is usually fixed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from appealbridge.documents.diagnostic import did_you_mean


class TemplateMessage(NamedTuple):
    """What is wrong, how to fix it, and the part of the text that is meant, if known."""

    problem: str
    cure: str
    needle: str = ""


TAGS = ("if", "for", "set", "with")
_INNER_TAGS = ("elif", "else")

_NOT_FINISHED = "{% %} is not finished"
_FOR_EXAMPLE = "for example {% if event.data.road %} or {% for road in event.data.roads %}"

_SIGNS = {
    **dict.fromkeys("“”„‘’«»", ("typographic quotes are not allowed here", "use straight quotes: \" or '")),
    **dict.fromkeys("\"'", ("these quotes are never closed", "close them")),
    "&": ("& is not allowed here", "write and"),
    "$": ("$ is not allowed inside braces", "write the field, such as event.data.road"),
    "?": ("? is not allowed here", "write {{ value if condition else other_value }}"),
}  # fmt: skip
"""Characters that are not allowed inside the braces, each with its message."""


def template_message(message: str, text: str) -> TemplateMessage:
    """Return the message for an error of Jinja about a text."""
    for pattern, explain in _RULES:
        match = pattern.search(message)
        if match is not None:
            return explain(match, text)
    problem = f"the template is not valid: {message}"
    return TemplateMessage(
        problem, "a value goes in {{ … }}, a condition in {% if … %} … {% endif %}"
    )


def _unknown_tag(match: re.Match[str], text: str) -> TemplateMessage:
    tag, inside = match[1], match[2]
    if tag in ("elseif", "elsif"):
        return TemplateMessage(f"unknown tag {{% {tag} %}}", 'did you mean "elif"?', tag)
    if inside and (tag not in (*TAGS, *_INNER_TAGS) and not tag.startswith("end")):
        known = (*TAGS, *_INNER_TAGS, f"end{inside}")
        return TemplateMessage(f"unknown tag {{% {tag} %}}", did_you_mean(tag, known), tag)
    if inside:
        return TemplateMessage(
            f"{{% {inside} %}} is never closed", f"end it with {{% end{inside} %}}"
        )
    if tag == "end":
        return TemplateMessage(
            "{% end %} does not say what ends", "write {% endif %} or {% endfor %}", tag
        )
    if tag.startswith("end") or tag in _INNER_TAGS:
        begin = tag.removeprefix("end") if tag.startswith("end") else "if"
        cure = f"put {{% {begin} … %}} before it, or delete it"
        return TemplateMessage(f"{{% {tag} %}} has no beginning", cure, tag)
    return TemplateMessage(f"unknown tag {{% {tag} %}}", did_you_mean(tag, TAGS), tag)


def _never_closed(match: re.Match[str], text: str) -> TemplateMessage:
    return TemplateMessage(
        f"{{% {match[1]} %}} is never closed", f"end it with {{% end{match[1]} %}}"
    )


def _character(match: re.Match[str], text: str) -> TemplateMessage:
    position = int(match[1])
    sign = text[position : position + 1]
    needle = re.compile(r"[^\s{}]+").match(text, position)
    unknown = (f'"{sign}" is not allowed inside braces', "put text in quotes")
    problem, cure = _SIGNS.get(sign, unknown)
    return TemplateMessage(problem, cure, needle[0] if needle is not None else "")


def _bracket(match: re.Match[str], text: str) -> TemplateMessage:
    begun = {")": "(", "]": "[", "}": "{"}.get(match[1], match[1])
    return TemplateMessage(f"{begun} is never closed", f"close it with {match[1]}")


def _equals(match: re.Match[str], text: str) -> TemplateMessage:
    needle = "=" if text.count("=") == 1 else ""
    return TemplateMessage(
        "this is not a comparison", "write == for equal, >= for at least", needle
    )


_CALL = re.compile(r"\|\s*(\w+) +(\d+|'[^'{}]*'|\"[^\"{}]*\")")
"""A filter with its argument, but without brackets."""


def _word(match: re.Match[str], text: str) -> TemplateMessage:
    word = match[1]
    called = _CALL.search(text)
    if called is not None:
        needle = f"{called[1]} {called[2]}"
        message = f"{called[1]} has no brackets around {called[2]}"
        return TemplateMessage(
            message, f"write {called[1]}({called[2]})", needle if needle in text else ""
        )
    if word == "if" and re.search(r"\{%-?\s*else\s+if\b", text):
        return TemplateMessage("write elif instead of else if", "write {% elif … %}", "else if")
    cure = "put text in quotes; compare with ==; a field's name is one word"
    return TemplateMessage(f'"{word}" is not expected here', cure, word if word.isalnum() else "")


def _or(match: re.Match[str], text: str) -> TemplateMessage:
    if "||" in text:
        return TemplateMessage("|| is not allowed here", "write or", "||")
    return TemplateMessage("no filter after the |", "for example {{ event.data.road | upper }}")


def _braces(match: re.Match[str], text: str) -> TemplateMessage:
    if re.search(r"\{\{\s*\{", text):
        return TemplateMessage(
            "too many braces", "write two: {{ … }}", "{{{" if "{{{" in text else ""
        )
    return TemplateMessage("a { without names and values", "for example { 'a': 1 }")


def _always(
    problem: str, cure: str, needle: str = ""
) -> Callable[[re.Match[str], str], TemplateMessage]:
    return lambda match, text: TemplateMessage(problem, cure, needle)


_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str], TemplateMessage]], ...] = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"[Uu]nknown tag '(\w+)'(?:.*block that needs to be closed is '(\w+)')?", _unknown_tag),
        (r"block that needs to be closed is '(\w+)'", _never_closed),
        (r"unexpected char .* at (\d+)", _character),
        (r"end of template, expected '(?:end of statement block|%\})'",
         _always("{% is never closed", "close it with %}", "{%")),
        (r"end of template", _always("{{ is never closed", "close it with }}", "{{")),
        (r"unexpected '\}', expected '(.)'", _bracket),
        (r"unexpected '[})\]]'", _always("the brackets do not match", "{{ is closed by }}, {% by %}")),
        (r"got '='|unexpected '='", _equals),
        (r"unexpected '>'", _always("this is not a comparison", "write != for not equal")),
        (r"expected token 'name', got 'string'",
         _always("after is there must be the name of a test", "to compare, write ==")),
        (r"expected token 'name', got '\|'", _or),
        (r"expected token ':', got '\}'", _braces),
        (r"(?:got|unexpected) 'end of print statement'",
         _always("{{ }} is not finished", "write the value to print")),
        (r"(?:got|unexpected) 'end of statement block'|[Tt]ag name expected",
         _always(_NOT_FINISHED, _FOR_EXAMPLE)),
        (r"'end of (?:print statement|statement block)', got '([^']+)'", _word),
        (r"Missing end of comment", _always("{# is never closed", "close it with #}", "{#")),
        (r"expected name or number",
         _always("no name after the dot", "write the field, such as event.data.road")),
    )
)  # fmt: skip
"""Jinja's messages (the first that matches counts) and ours."""
