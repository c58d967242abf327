"""HTML and feeds, as strangers send them: read safely, whatever they are made to cost."""
