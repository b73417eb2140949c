"""AWS CDK: four stacks by lifetime (data, service, functions, watch). Imports nothing of the application."""
