"""How fast and how large AppealBridge is, as ratios to a bare program that promises nothing."""
