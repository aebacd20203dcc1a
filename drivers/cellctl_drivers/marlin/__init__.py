"""Printers with Marlin firmware: numbered lines with a checksum, asked for again when damaged."""
