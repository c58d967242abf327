"""The golden files: a recipe, a rule of dashes, and exactly what is said about it."""

from pathlib import Path

from appealbridge.recipes.parsing.load import load_recipe
from tests.recipes.plugins import catalogue

HERE = Path(__file__).parent
RULE = "-" * 60 + "\n"


def problems_of(name: str, text: str) -> str:
    """Return all that is said about a recipe, as people read it."""
    known = catalogue(templates=HERE / "templates")
    _, problems = load_recipe(text, f"recipes/{name}.yaml", name, known)
    return "".join(problem.text() + "\n" for problem in problems)
