"""The built-in channels, a folder for each platform."""
