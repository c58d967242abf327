"""What an editor is told so that it can complete and explain: JSON Schemas of recipes and settings."""
