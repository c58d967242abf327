"""From YAML to a recipe, or to everything that is wrong with it."""
