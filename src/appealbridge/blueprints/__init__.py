"""Blueprints: recipes with questions, whose answers complete them."""
