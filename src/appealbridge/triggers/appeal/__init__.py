"""Appeals from a feed or a folder of case files."""
