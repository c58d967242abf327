"""Decides whether an event is for a recipe: conditions, their tests, and places on the map."""
