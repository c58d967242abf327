"""A blueprint: a recipe with open values, and the questions that fill them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from appealbridge.documents import Document, Path
from appealbridge.plugin.options import Options

Kind = Literal[
    "text", "choice", "number", "duration", "time", "channel", "list", "people",
    "webhook", "feed", "appeal",
]  # fmt: skip


class Input(Options):
    """One question."""

    description: str = Field(
        min_length=1, description="The question, in a few words.", examples=["The account on X"]
    )
    kind: Kind = Field(
        "text", description="What sort of answer it takes, see below.", examples=["channel"]
    )
    platform: str = Field(
        "", description="For `kind: channel`: the account's platform.", examples=["x"]
    )
    default: str | int | None = Field(
        None, description="The answer to use if none is given.", examples=["none", "30m"]
    )
    optional: bool = Field(
        False,
        description="Whether the answer may be left out. The list entry or top-level option that uses it is "
        "then left out too.",
        examples=[True],
    )
    held: bool = Field(
        False,
        description="For `kind: people`: whether `none` is refused, so that everything waits for a person.",
        examples=[True],
    )
    choices: list[str] | dict[str, Any] = Field(
        [],
        description="For `kind: choice`: the possible answers, or a mapping of answers to values.",
        examples=[["missing", "witness"], {"red only": ["red"]}],
    )


class Head(Options):
    """The part under `blueprint:`, above the recipe."""

    name: str = Field(
        min_length=1,
        description="The name that people see.",
        examples=["Road closed, and open again"],
    )
    description: str = Field(
        min_length=1,
        description="What a recipe made from it does.",
        examples=["Says on X that a road is closed, and when it is open again."],
    )
    inputs: dict[str, Input] = Field(
        description="The questions, in the order in which they are asked.",
        examples=[{"account": {"description": "The account on X", "kind": "channel"}}],
    )


@dataclass(frozen=True, slots=True)
class Blank:
    """`!input name`: the place for the answer to a question."""

    name: str


@dataclass(frozen=True, slots=True)
class Blueprint:
    """
    A blueprint as it was read.

    `name` is that of its file, `blanks` are the places to fill, each with the name of its input.
    """

    name: str
    head: Head
    document: Document
    blanks: Sequence[tuple[Path, str]]

    @property
    def inputs(self) -> Mapping[str, Input]:
        """The questions by name."""
        return self.head.inputs
