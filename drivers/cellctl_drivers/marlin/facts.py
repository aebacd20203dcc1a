"""What is known about Marlin that its answers do not tell (Marlin/src/gcode/queue.cpp unless noted)."""

from typing import Final

# How many lines are kept for being asked for again; a power of two. A healthy firmware never asks for a line that it
# has acknowledged; more than one window is kept because an `ok` may be credited to a line that it does not belong to.
KEPT_LINES: Final = 64

# So many lines back an `ok` that was one too many may be found out. A request from further back is no slip of the
# line: the counter began anew, and with it the printer.
REACH_BACK: Final = 8

# A line that was asked for so many times in a row will not arrive.
MAX_REPEATS: Final = 16

# A number that cannot be had is noise the first time; this often in a row it is what the firmware means.
MAX_MISSES: Final = 3

# A damaged line that has passed its checksum differs in two or three characters from what was sent.
FEW_CHARACTERS: Final = 4

# Firmware answers this with an echo and an `ok`, in its turn; with any of its letters damaged, too.
NO_COMMAND: Final = "question"

# How often a line is said again when its `ok` stays out: while the machine is heard otherwise, and while it is not.
MAX_PROBES: Final = 3
SILENT_PROBES: Final = 2

# Behind so many acknowledgements without any trouble one more line may be under way.
WIDEN_AFTER: Final = 32

# Motion blocks in the planner of a usual build: for estimates only.
USUAL_BLOCKS: Final = 16

# Recent versions print `ok` right after `Resend:`, some of 2021 do not. It is waited for so long (wire time), until
# it has stayed out so often without ever having come.
TRAILING_OK_S: Final = 0.5
TRAILING_TRIES: Final = 3

# Lines in flight behind a damaged one make requests of their own. They come at once or never: the firmware has
# emptied its receive buffer.
STORM_S: Final = 0.25

# Boot messages come in bursts; after this long without one the board is listening (wire time).
QUIET_S: Final = 0.5

# How long each of two attempts to be heard may take when contact is made (wire time).
GREETING_S: Final = 10.0
GREETINGS: Final = 3

# Temperatures are asked for, or reported by M155, this often (machine time).
REPORT_S: Final = 5

# A machine that says `busy` says it every 2 s while it blocks; so long after the last one an `ok` is missing.
KEEPALIVE_S: Final = 7.0

# `wait` and a line of ours may pass each other on the way; a line that went out so long ago has arrived or is lost.
CROSSING_S: Final = 0.25

# M112 is said again this often until it is confirmed; noise may have eaten it.
HALT_AGAIN_S: Final = 2.0

# "paused for user" that is heard so soon behind an answer was said before it.
ANSWERED_S: Final = 3.0

# The dead-man is fed in a pause four times as often as it must be.
FEEDINGS: Final = 4

# A bed takes half an hour or less to cool; one that stays warm for this long has a heater that is still on.
COOLING_LIMIT_S: Final = 7200.0

# The largest beds and chambers are warm within two hours; where there is no thermal protection nobody else looks.
HEATING_LIMIT_S: Final = 7200.0

# Errors that end a printer's ability to work whether or not a program runs (Marlin/src/core/language.h).
FATAL_ERRORS: Final = ("stopped", "thermal", "heating failed", "maxtemp", "mintemp", "caused by")

# Commands that are over only when all motion is.
BARRIERS: Final = frozenset({"M400", "G4", "G28", "G29", "M0", "M1", "M600"})

# These wind up the firmware's dead-man: they move, or they wait for heat.
WINDING: Final = frozenset({"G28", "G29", "M109", "M190", "M191"})

# These wait for heat, and print temperatures meanwhile, with or without `W:` and `busy`.
HEAT_WAITS: Final = frozenset({"M109", "M116", "M190", "M191"})

# M108 ends these without setting anything moving. (It would make M600 heat the nozzle again and feed filament.)
WAITS: Final = frozenset({*HEAT_WAITS, "M0", "M1"})

# Commands that wait for a person.
PAUSES: Final = frozenset({"M0", "M1", "M25", "M226", "M600", "M601"})

# Commands that a program must not bring along: they change the line counter, write lines to a card, or end it all.
REFUSED: Final = frozenset({"M28", "M110", "M997"})
