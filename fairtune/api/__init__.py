"""What people do with fairtune, for the command line and for notebooks alike."""
