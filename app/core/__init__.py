"""Floor 2: the outside world, one client a file."""
