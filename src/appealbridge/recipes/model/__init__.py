"""Recipes as the program uses them, checked and compiled."""
