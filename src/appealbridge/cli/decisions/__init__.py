"""Commands about decisions: the trail of them, and the stop."""
