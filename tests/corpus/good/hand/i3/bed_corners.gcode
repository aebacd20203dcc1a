; levelling by hand: stops over the four corners
G21
G90
G28
G1 Z5 F600
G1 X30 Y30 F6000
G1 Z0.1 F300
M0 Turn the screw, then press the button
G1 Z5 F600
G1 X190 Y30 F6000
G1 Z0.1 F300
M0 Next corner
G1 Z5 F600
G1 X190 Y190 F6000
G1 Z0.1 F300
M0 Next corner
G1 Z5 F600
G1 X30 Y190 F6000
G1 Z0.1 F300
M0 Last corner
G1 Z20 F600
M84
