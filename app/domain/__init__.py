"""Floor 1: the words everyone uses. Standard library only."""
