"""Expressions and templates in recipes: compiled once, filled from an event, within limits."""
