"""The nouns: what every other part of the program speaks about. Frozen values; nothing here acts."""
