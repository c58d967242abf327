"""What a recipe is once it has been read."""
