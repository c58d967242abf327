"""Items of RSS and Atom feeds."""
