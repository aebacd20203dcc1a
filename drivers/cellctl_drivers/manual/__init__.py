"""Stations where a person works."""
