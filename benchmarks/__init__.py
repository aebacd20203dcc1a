"""How fast cellctl is, side by side with its peers: `python -m benchmarks`. See README.md beside this file."""
