"""Questions to people before something is published, and their answers."""
