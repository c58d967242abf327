"""Blueprints: recipes with questions, whose answers make a recipe of one's own."""
