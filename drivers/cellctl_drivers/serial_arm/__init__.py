"""Robot arms on a serial line: one line of text at a time, positions taught in the cell file."""
