"""What is known about Marlin that its answers do not tell (Marlin/src/gcode/queue.cpp unless noted)."""

from typing import Final

# MAX_CMD_SIZE is 96. What goes beyond is cut off silently, the checksum first: an over-long numbered line would be
# asked for again for ever.
MAX_FRAMED_BYTES: Final = 95

# How many lines are kept for being asked for again. Marlin never asks for a line that it has acknowledged; more
# than one window is kept because an `ok` may be credited to a line that it does not belong to.
KEPT_LINES: Final = 64

# A line that was asked for so many times in a row will not arrive.
MAX_REPEATS: Final = 10

# How often a line is said again when its `ok` stays out and the machine is heard otherwise; once if it is not.
MAX_PROBES: Final = 3

# Acknowledged lines of which the planner may still have the motion. 16 blocks are usual, 64 the most that boards
# are built with; every line in the planner has at least one block.
PLANNER_BLOCKS: Final = 64

# Recent versions print `ok` right after `Resend:`, some of 2021 do not. It is waited for so long (wire time), until
# it has stayed out so often without ever having come.
TRAILING_OK_S: Final = 0.5
TRAILING_TRIES: Final = 3

# Boot messages come in bursts; after this long without one the board is listening (wire time).
QUIET_S: Final = 0.5

# How long each of two attempts to be heard may take when contact is made (wire time).
GREETING_S: Final = 10.0
GREETINGS: Final = 3

# Temperatures are asked for, or reported by M155, this often (machine time).
REPORT_S: Final = 5

# A bed takes half an hour or less to cool; one that stays warm for this long has a heater that is still on.
COOLING_LIMIT_S: Final = 7200.0

# How a printer is left behind: no heat. The fan keeps running, it helps the part to cool.
RESTING_LINES: Final = ("M104 S0", "M140 S0")

# Errors that end a printer's ability to work whether or not a program runs (Marlin/src/core/language.h).
FATAL_ERRORS: Final = ("halted", "stopped", "kill", "thermal", "heating failed", "maxtemp", "mintemp")
