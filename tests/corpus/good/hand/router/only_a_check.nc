; moves nothing
G21 G90 G94 G17
G54
M5
M9
G4 P0.5
