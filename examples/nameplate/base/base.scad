// The base of the nameplate: a plate with rounded corners and two screw holes.
plate = [90, 30, 3];
corner = 3;
hole = 3.2;

difference() {
    linear_extrude(plate.z)
        translate([corner, corner]) offset(r = corner, $fn = 8) square([plate.x - 2 * corner, plate.y - 2 * corner]);
    for (x = [3.6, plate.x - 3.6])
        translate([x, plate.y / 2, -1]) cylinder(d = hole, h = plate.z + 2, $fn = 8);
}
