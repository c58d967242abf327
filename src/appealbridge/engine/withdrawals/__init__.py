"""Takes back what was published, and looks whether it is gone."""
