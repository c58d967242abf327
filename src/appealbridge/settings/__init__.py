"""The settings: appealbridge.yaml, the secrets that it names, and the lists that it includes."""
