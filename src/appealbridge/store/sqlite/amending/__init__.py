"""Amendments in SQLite: what they amend, and what follows when they are published; and the rows of removals."""
