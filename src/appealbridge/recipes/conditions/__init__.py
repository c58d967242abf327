"""Decides whether a recipe wants an event: conditions, their tests, and places on the map."""
