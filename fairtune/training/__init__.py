"""One training from its specification to its result."""
