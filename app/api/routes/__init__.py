"""One file a subject; each route parses, calls one story, and shapes the answer."""
