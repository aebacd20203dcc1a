; counts from the corner of a fixture for a while
G21 G90 G54
M3 S9000
G0 X50 Y30 Z4
G92 X0 Y0
G1 Z-0.4 F150
X15 F500
Y15
X0
Y0
G0 Z4
G92.1
G0 X0 Y0
M5
M30
