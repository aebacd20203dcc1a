(T1 = 3 mm end mill) ; and a second comment
G21 (mm) G90 (absolute)
(speed) M3 (cw) S9000 (rpm)
G0 Z3 ; up ! and away ?
G0 X10 (over) Y10 ; ~ there
G1 Z-0.3 F150 (in)
G1 X20 F400 ; done: 100 %
G0 Z3
M5
M30
