// The base of the nameplate: a plate with bevelled corners.
plate = [90, 30, 3];
corner = 3;

linear_extrude(plate.z)
    translate([corner, corner]) offset(delta = corner, chamfer = true)
        square([plate.x - 2 * corner, plate.y - 2 * corner]);
