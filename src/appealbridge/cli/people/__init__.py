"""The commands about people and tokens."""
