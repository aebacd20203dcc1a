"""Programs for routers and lasers, and some for printers, from libraries that write G-code:

opencamlib (tool paths over a surface), svg-to-gcode, gscrib, fullcontrol, and the engraver of our own.
"""

import io
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import fullcontrol as fc
import opencamlib as ocl
from gscrib import GCodeBuilder
from svg_to_gcode.compiler import Compiler, interfaces
from svg_to_gcode.svg_parser import parse_string

from cellctl.products import engrave
from tests.corpus.slicing import Made

Point = tuple[float, float, float]

# ---- opencamlib: its points, our few lines around them -----------------------------------------------------------

_SURFACES: Final = ("dome", "cup", "star", "twist", "bracket")
_TOP_MM: Final = 14.0


def by_opencamlib(stl: Mapping[str, Path]) -> Iterator[Made]:
    """Finishing with a ball nose along parallel lines, and water lines with an end mill; Z0 is above the part."""
    for part in _SURFACES:
        surface = ocl.STLSurf()
        ocl.STLReader(str(stl[part]), surface)
        for dialect, machine in (("grbl", "router"), ("modal", "router-hal")):
            text = _nc(_parallel(surface), modal=dialect == "modal")
            yield Made(f"opencamlib/parallel-{dialect}-{part}.nc", machine, text, "opencamlib", "PathDropCutter")
        yield Made(f"opencamlib/water-{part}.nc", "router", _nc(_water(surface)), "opencamlib", "Waterline")


def _parallel(surface: Any) -> Iterator[list[Point]]:
    for row in range(-12, 13, 2):
        cutter, drop, path = ocl.BallCutter(3.0, 20.0), ocl.PathDropCutter(), ocl.Path()
        ends = ocl.Point(-14, row, 0), ocl.Point(14, row, 0)
        path.append(ocl.Line(*(ends if row % 4 else reversed(ends))))
        drop.setSTL(surface)
        drop.setCutter(cutter)
        drop.setZ(0.0)
        drop.setSampling(0.4)
        drop.setPath(path)
        drop.run()
        yield [(point.x, point.y, point.z) for point in drop.getCLPoints()]


def _water(surface: Any) -> Iterator[list[Point]]:
    for height in (2.5, 1.5, 0.5):
        line, cutter = ocl.Waterline(), ocl.CylCutter(3.0, 20.0)
        line.setSTL(surface)
        line.setCutter(cutter)
        line.setZ(height)
        line.setSampling(0.4)
        line.run()
        for loop in line.getLoops():
            yield [(point.x, point.y, point.z) for point in (*loop, loop[0])]


def _nc(paths: Iterable[list[Point]], *, modal: bool = False) -> str:
    lines = ["(made with opencamlib)", "G21 G90 G94", "G17 G54", "G0 Z5", "M3 S12000", "G4 P2"]
    for path in paths:
        x, y, z = path[0]
        lines += [f"G0 X{x + 20:.3f} Y{y + 20:.3f}", f"G1 Z{z - _TOP_MM:.3f} F200"]
        before = path[0]
        for index, point in enumerate(path[1:]):
            words = [
                f"{axis}{value + shift:.3f}"
                for axis, value, old, shift in zip("XYZ", point, before, (20, 20, -_TOP_MM), strict=True)
                if not modal or value != old
            ]
            feed = " F600" if index == 0 else ""
            lines.append(("" if modal else "G1 ") + " ".join(words) + feed)
            before = point
        lines.append("G0 Z5")
    return "\n".join([*(line for line in lines if line), "M5", "G0 X0 Y0", "M30", ""])


# ---- svg-to-gcode ------------------------------------------------------------------------------------------------

_DRAWINGS: Final[Mapping[str, str]] = {
    "triangle": '<path d="M5,5 L35,5 L35,25 Z"/>',
    "arcs": '<path d="M5 15 A 10 10 0 0 1 25 15 A 5 5 0 0 0 35 15"/>',
    "curve": '<path d="M5 20 C 10 5, 30 5, 35 20"/>',
    "wave": '<path d="M2 15 Q 8 2, 14 15 T 26 15 T 38 15"/>',
    "ellipse": '<path d="M5 15 A 15 7 0 1 1 35 15 A 15 7 0 1 1 5 15"/>',
    "steps": '<path d="M4 4 h8 v5 h8 v5 h8 v5 h8"/>',
    "nested": "".join(f'<path d="M{x} {x} H{40 - x} V{30 - x} H{x} Z"/>' for x in (2, 5, 8, 11)),
    "grid": "".join(f'<path d="M{x} 3 L{x} 27"/>' for x in range(4, 37, 4)),
}


def by_svg_to_gcode() -> Iterator[Made]:
    """Outlines for a laser."""
    for name, shapes in _DRAWINGS.items():
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="40mm" height="30mm" viewBox="0 0 40 30">{shapes}</svg>'
        header = ["G21", "G17", "G94", "G54", "G90", "M5"]
        compiler = Compiler(interfaces.Gcode, 3000, 900, pass_depth=0, custom_header=header, custom_footer=["M5", "M2"])
        compiler.append_curves(parse_string(svg))
        yield Made(f"svg/{name}.gcode", "laser", compiler.compile(passes=1) + "\n", "svg-to-gcode", f"drawing {name}")


# ---- gscrib ------------------------------------------------------------------------------------------------------


def by_gscrib() -> Iterator[Made]:
    """Milled shapes: arcs as short lines, a helix, a spline, a pocket, holes."""
    for name, draw in _SHAPES.items():
        out = io.StringIO()
        g = GCodeBuilder(output=out, print_lines=False)
        g.write("G21 G90 G94 G17 G54")
        g.rapid(z=5)
        g.tool_on("clockwise", 8000)
        g.set_feed_rate(400)
        draw(g)
        g.rapid(z=5)
        g.tool_off()
        g.write("M30")
        g.flush()
        yield Made(f"gscrib/{name}.nc", "router", out.getvalue(), "gscrib", name)


def _circle(g: Any) -> None:
    g.rapid(x=30, y=20)
    g.move(z=-1)
    g.trace.circle((-10, 0))


def _helix(g: Any) -> None:
    g.rapid(x=30, y=20)
    g.move(z=0)
    g.trace.helix(target=(30, 20, -3), center=(-10, 0), turns=3)


def _spline(g: Any) -> None:
    g.rapid(x=5, y=5)
    g.move(z=-0.5)
    g.trace.spline([(5, 5, -0.5), (15, 25, -0.5), (30, 5, -0.5), (45, 25, -0.5)])


def _pocket(g: Any) -> None:
    for depth in (-0.5, -1.0, -1.5):
        for inset in range(0, 10, 2):
            g.rapid(x=10 + inset, y=10 + inset)
            g.move(z=depth)
            left, right, low, high = 10 + inset, 40 - inset, 10 + inset, 30 - inset
            for x, y in ((right, low), (right, high), (left, high), (left, low)):
                g.move(x=x, y=y)
            g.rapid(z=5)


def _holes(g: Any) -> None:
    for index in range(12):
        angle = index * math.tau / 12
        g.rapid(x=25 + 15 * math.cos(angle), y=25 + 15 * math.sin(angle))
        for depth in (-1, -2, -3):
            g.move(z=depth)
            g.rapid(z=1)


_SHAPES: Final = {"circle": _circle, "helix": _helix, "spline": _spline, "pocket": _pocket, "holes": _holes}

# ---- fullcontrol -------------------------------------------------------------------------------------------------

_FULLCONTROL: Final = (("ender_3", "ender-3"), ("prusa_i3", "mk3"), ("cr_10", "large"))


def by_fullcontrol() -> Iterator[Made]:
    """Paths that no slicer made: a spiral vase and a star tower."""
    for printer, machine in _FULLCONTROL:
        for name, arms in (("spiral", 0), ("star", 5)):
            steps = [_step(index, arms) for index in range(600)]
            start = {"nozzle_temp": 205, "bed_temp": 60, "primer": "front_lines_then_y", "extrusion_height": 0.25}
            controls = fc.GcodeControls(printer_name=printer, initialization_data=start | {"extrusion_width": 0.5})
            text = fc.transform(steps, "gcode", controls, show_tips=False)
            file = f"fullcontrol/{printer.replace('_', '-')}-{name}.gcode"
            yield Made(file, machine, text + "\n", "fullcontrol", f"{printer}, {name}")


def _step(index: int, arms: int) -> Any:
    angle = index * math.tau / 60
    radius = 15 + 3 * math.cos(arms * angle)
    return fc.Point(x=100 + radius * math.cos(angle), y=100 + radius * math.sin(angle), z=0.2 + index * 0.25 / 60)


# ---- our engraver ------------------------------------------------------------------------------------------------

_TEXTS: Final = ("ADA", "Eve & Bob", "cell 7", "(c) 2026", "A*B=C", "100 %", "a-z, 0-9", "$25.00", "#1 / #2", "GRBL")
_FONTS: Final = ("futural", "rowmans", "scripts", "gothiceng")
_PLATE: Final = {"plate_mm": (120, 40), "margin_mm": 3, "depth_mm": 0.3, "clearance_mm": 3}
_CUT: Final = {"feed_mm_per_min": 600, "plunge_mm_per_min": 150, "spindle_rpm": 10000}


def by_engraver() -> Iterator[Made]:
    """Texts in several fonts."""
    for number, text in enumerate(_TEXTS):
        for font in _FONTS[: 2 + number % 3]:
            lines = engrave.program({"text": text, "height_mm": 7, "font": font} | _PLATE | _CUT)
            yield Made(
                f"engraver/{number}-{font}.nc", "router", "\n".join(lines) + "\n", "cellctl", f"{text!r} in {font}"
            )
