"""Whether a recipe wants an event: conditions, their operators, and places on the map."""
