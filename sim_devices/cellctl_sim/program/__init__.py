"""The simulated cell at program level: machines that run a whole program as one timed operation."""
