// Small parts for the corpus of programs: openscad -D 'part="ring"' -o ring.stl models.scad
part = "ring";
$fn = 32;

module plate(x, y, z) { translate([-x / 2, -y / 2, 0]) cube([x, y, z]); }

if (part == "block") plate(16, 12, 4);
if (part == "ring") difference() { cylinder(d = 20, h = 4); translate([0, 0, -1]) cylinder(d = 14, h = 6); }
if (part == "bracket") difference() {
    union() { plate(24, 12, 3); translate([-12, -6, 0]) cube([3, 12, 12]); }
    for (x = [0, 8]) translate([x, 0, -1]) cylinder(d = 4, h = 5);
}
if (part == "gear") difference() {
    union() { cylinder(d = 16, h = 4); for (i = [0:11]) rotate(i * 30) translate([8, 0, 2]) cube([5, 2, 4], center = true); }
    translate([0, 0, -1]) cylinder(d = 5, h = 6);
}
if (part == "cup") difference() { cylinder(d1 = 14, d2 = 20, h = 12); translate([0, 0, 1]) cylinder(d1 = 12, d2 = 18, h = 12); }
if (part == "dome") intersection() { sphere(d = 22); translate([0, 0, 10]) cube([30, 30, 20], center = true); }
if (part == "hook") rotate_extrude(angle = 270) translate([9, 0]) square([3, 4]);
if (part == "bridge") { for (x = [-9, 9]) translate([x, 0, 0]) plate(4, 10, 8); translate([0, 0, 6]) plate(22, 10, 2); }
if (part == "star") linear_extrude(3) for (i = [0:4]) rotate(i * 72) polygon([[0, -4], [12, 0], [0, 4]]);
if (part == "pins") { plate(24, 24, 2); for (x = [-8, 8], y = [-8, 8]) translate([x, y, 0]) cylinder(d = 3, h = 7); }
if (part == "twist") linear_extrude(10, twist = 60) square(12, center = true);
if (part == "tag") difference() { plate(34, 14, 2); translate([0, -4, 1.2]) linear_extrude(2) text("CELL", size = 8, halign = "center"); }
