"""Machines behind an OPC UA server, each described by a profile: a TOML file that says what is where and means what."""
