"""The built-in triggers. They use the plug-in interface only."""
