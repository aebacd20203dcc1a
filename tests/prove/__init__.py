"""The long batteries that claims rest on: `python -m tests.prove [area]`. Every module here is an area."""
