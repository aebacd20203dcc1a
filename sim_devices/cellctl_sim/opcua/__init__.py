"""Simulated machines behind OPC UA servers, from the controller's side of the wire."""
