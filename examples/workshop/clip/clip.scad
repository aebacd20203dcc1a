// A cable clip, printed lying on its side: a foot with a ring that is open at the top. 30 x 18 x 3.6 mm.
inner = 10;
wall = 2.4;
thick = 3.6;

module clip() {
    translate([0, -10]) linear_extrude(thick) {
        translate([-15, 0]) square([30, 3]);
        difference() {
            translate([0, 11]) circle(d = inner + 2 * wall + 3.2, $fn = 16);
            translate([0, 11]) circle(d = inner, $fn = 16);
            translate([-3, 11]) square([6, 20]);
        }
    }
}

// `count` of them, as far apart as the places of the bed.
count = 1;
places = [[0, 0], [0, -60], [0, 60]];
for (number = [0 : count - 1]) translate(places[number]) clip();
