"""Floor 7: the command line. It starts the other doors, so it stands above them."""
