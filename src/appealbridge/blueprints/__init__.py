"""Recipes with questions in them: from a blueprint and a few answers to a recipe of one's own."""
