"""Any text is a template or a JSONPath, or is refused with a place; one that is taken gives a value or says why not."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from appealbridge.recipes.templates.expression import compile_template, compile_text
from appealbridge.recipes.templates.scope import Unfillable
from appealbridge.recipes.templates.syntax import Malformed
from tests.properties.strategies import drawn
from tests.unit.recipes.conftest import scope_of

PIECES = st.sampled_from(
    ["{{ ", " }}", "{% ", " %}", "{#", "#}", "{{", "}}", "if ", "for ", " in ", "endif", "endfor", "else", "set ",
     "with", "endwith", "a", "event", ".data", ".a", "['a']", "[0]", "[1:2]", "(", ")", "[", "]", "{", "}", ",",
     "'", '"', "|", " | upper", " | shorten(5)", " | join", " | default('x')", " is defined", "not ", "==", "*",
     "**", "%", "~", "+", "-", "1", "10", "9" * 40, "1e400", "none", "true", "range(3)", "loop", "self", "\\", "\n",
     "\x00", "\u2028", "é", "$.a", "$..", "[?(@.a == 1)]", "`len`", "*", ":", "macro x()", "include 'x'", "raw",
     "endraw", "call", "filter upper", "block a", "extends 'x'", "import 'x' as y", "autoescape true"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=30)
DATA = {"a": [1, "b", {"c": None}], "b": {"c": 2}}


def compiled(text, *, html):
    """Return the expression, or the flaw."""
    try:
        return compile_template(text, html=html) if html else compile_text(text)
    except Malformed as flaw:
        return flaw


@given(TEXTS, st.booleans())
@drawn(1000)
def test_any_text_is_compiled_or_refused_with_a_place(text, html):
    result = compiled(text, html=html)
    if isinstance(result, Malformed):
        assert result.problem
        assert 1 <= result.line <= text.count("\n") + text.count("\r") + 1
    else:
        with contextlib.suppress(Unfillable):
            result.fill(scope_of(DATA))
