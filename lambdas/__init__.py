"""Doors for AWS: an event of EventBridge comes in, one story is told. What is not done is raised, and sent again."""
