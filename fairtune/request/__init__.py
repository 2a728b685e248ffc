"""What the user typed, made into a complete and checked specification."""
