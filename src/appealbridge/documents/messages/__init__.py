"""The sentences in which a mistake in a file is told."""
