"""Pictures in the SQLite store: their bytes in a file beside it, all else in its tables."""
