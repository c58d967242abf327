"""Turns YAML into a recipe, or into a list of its mistakes."""
