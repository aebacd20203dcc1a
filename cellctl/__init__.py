"""cellctl: one daemon that runs a microfactory cell."""

__version__ = "0.1.0"
