"""What fairtune takes and how well it searches, measured; none of it is installed."""
