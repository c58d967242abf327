"""The words of the recipe language that no options model declares: a sentence, an example and a schema for each."""

from __future__ import annotations

from typing import Any, Final

from appealbridge.editor.models import Schema
from appealbridge.recipes.model.step import Overflow

CONDITION: Final[Schema] = {"$ref": "#/$defs/condition"}
CONDITIONS: Final[Schema] = {"type": "array", "minItems": 1, "items": CONDITION}


def word(description: str, *examples: Any, **schema: Any) -> Schema:
    """Return the schema of one option, with what an editor says about it."""
    return {"description": description, "examples": list(examples), **schema}


OF_THE_STEP: Final[dict[str, Schema]] = {
    "id": word(
        "The step's name for `results` and `after`. If left out, the name of its action.",
        "blog",
        type="string",
        pattern=r"^[A-Za-z_]\w*$",
    ),
    "channel": word(
        "The account's name in appealbridge.yaml. You may leave it out if that platform has only one account.",
        "force_x",
        type="string",
    ),
    "after": word(
        "The ids of the steps that must be published first.",
        "blog",
        ["page", "tweet"],
        anyOf=[{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    ),
    "even_if_failed": word(
        "Whether to go on even if a step that this one waits for failed.",
        True,
        type="boolean",
        default=False,
    ),
    "overflow": word(
        "What to do with a text that is too long: nothing goes out, it is cut at a word, or it "
        "becomes several posts, each a reply to the one before.",
        "shorten",
        enum=[*Overflow],
        default="fail",
    ),
    "template": word(
        "Takes `text` from templates/NAME.txt and `html` from templates/NAME.html; one of them is enough.",
        "press-appeal",
        type="string",
        pattern="^[A-Za-z0-9_-]+$",
    ),
}
"""What every step may say besides `action` and the action's own options."""
