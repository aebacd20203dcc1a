"""The command line. Its words are in `parser`; its commands talk to the daemon's API and to nothing else."""
