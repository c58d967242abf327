"""JSON Schemas of recipes and settings, with which an editor completes and explains them."""
