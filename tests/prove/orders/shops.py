"""Cells and products for long batteries: written into a folder, as an integrator would."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

_PRINTER = """
[machines.{name}]
driver = "marlin"
port = "cell/{name}"
capabilities = ["fdm"]
slots = {slots}
release_bed_celsius = 40
[machines.{name}.limits]
travel_mm = [220, 220, 240]
max_feed_mm_per_min = [12000, 12000, 720, 7200]
max_acceleration_mm_per_s2 = [1500, 1500, 100, 5000]
acceleration_mm_per_s2 = 1000
travel_acceleration_mm_per_s2 = 1500
junction_deviation_mm = 0.013
feed_ceiling_mm_per_min = 12000
nozzle_max_celsius = 260
bed_max_celsius = 110
nozzle_celsius_per_s = 3.0
bed_celsius_per_s = 0.3
[machines.{name}.sim]
model = "marlin"
"""
_ROUTER = """
[machines.{name}]
driver = "grbl"
port = "cell/{name}"
capabilities = ["engrave"]
slots = ["vise"]
[machines.{name}.limits]
travel_mm = [300, 180, 45]
max_feed_mm_per_min = [3000, 3000, 1000]
max_acceleration_mm_per_s2 = [200, 200, 100]
junction_deviation_mm = 0.01
feed_ceiling_mm_per_min = 3000
most_rpm = 12000
least_rpm = 100
work_offsets_mm = {{ G54 = [-250, -150, -37.5] }}
[machines.{name}.sim]
model = "grbl"
"""
_ARM = """
[machines.{name}]
driver = "opcua"
profile = "robotics-1.02"
parameters = {{ namespace = "urn:cellctl:sim:robot" }}
url = "opc.tcp://127.0.0.1:48401/{name}"
insecure = true
reach = {reach}
slots = ["gripper"]
[machines.{name}.sim]
model = "robot"
"""
_BENCH = """
[machines.{name}]
driver = "manual"
capabilities = ["inspect"]
reach = ["outfeed", "{name}"]
slots = ["desk"]
[machines.{name}.sim]
model = "person"
answer_s = 60.0
"""
_RACKS = """
[racks.infeed]
slots = ["1", "2", "3", "4"]
buffer = true
[racks.outfeed]
slots = ["1", "2", "3", "4"]
"""
# Each line is 200 mm at 60 mm/min: 200 s, so that a print takes hours and is read in no time.
_HEAT = "M104 S200\nM140 S60\nG28\nG90\nM82\nM190 S60\nM109 S200\nG92 E0\nG1 Z0.3 F600\n"
_PRODUCT = """
[product]
name = "{name}"
revision = "A"
"""


def printed(minutes: int) -> str:
    """A print of about so long."""
    count = max(1, round(minutes * 60 / 200))
    sides = [f"G1 X{10 + 200 * (n % 2)} Y{10 + n % 200} E{n + 1} F60" for n in range(1, count + 1)]
    return _HEAT + "G1 X10 Y10 F6000\n" + "\n".join(sides) + "\nM104 S0\nM140 S0\nM84\n"


def engraved(minutes: int) -> str:
    """A program of a router of about so long."""
    lines = [f"G1 X{40 * ((n + 1) % 2)} Y{n % 20} F40" for n in range(minutes)]
    return (
        "G21\nG90\nG17\nG94\nM3 S8000\nG0 Z5\nG0 X0 Y0\nG1 Z-0.3 F100\n" + "\n".join(lines) + "\nG0 Z5\nM5\nG0 X0 Y0\n"
    )


def write_shop(
    folder: Path,
    printers: int,
    routers: int,
    arms: int,
    benches: int,
    prints: Mapping[str, int],
    builds: Mapping[str, Sequence[int]] = MappingProxyType({}),
) -> Path:
    """A cell file and its products: `prints` are the minutes of each product's print; odd ones are engraved, too.

    `builds`: how many of a product fit in one run; printers have as many places.
    """
    names = [f"printer-{n + 1}" for n in range(printers)]
    cutters = [f"router-{n + 1}" for n in range(routers)]
    reaches: Sequence[list[str]] = [[*names, *cutters, "infeed", "outfeed"], [*cutters, "infeed", "outfeed"]]
    text = f'[cell]\nname = "shop"\nproducts = {[f"{name}.toml" for name in prints]}\n'
    most = max((size for sizes in builds.values() for size in sizes), default=1)
    beds = ["bed", *(f"bed-{n}" for n in range(2, most + 1))]
    text += "".join(_PRINTER.format(name=name, slots=beds) for name in names)
    text += "".join(_ROUTER.format(name=name) for name in cutters)
    text += "".join(_ARM.format(name=f"arm-{n + 1}", reach=reaches[n]) for n in range(arms))
    text += "".join(_BENCH.format(name=f"bench-{n + 1}") for n in range(benches)) + _RACKS
    _write_products(folder, prints, builds)
    cell = folder / "shop.toml"
    cell.write_text(text)
    return cell


_STANDS = """
[racks.stand-a]
slots = ["1"]
[racks.stand-b]
slots = ["1"]
[racks.stand-c]
slots = ["1"]
[racks.outfeed]
slots = ["1", "2"]
[machines.porter-1]
driver = "manual"
reach = ["stand-a", "stand-b", "stand-c"]
slots = ["hands"]
[machines.porter-1.sim]
model = "person"
answer_s = 60.0
[carriers.pallet-1]
slots = ["1", "2"]
fits = ["stand-a.1", "stand-b.1", "stand-c.1"]
at = "stand-a.1"
movers = ["arm-3", "porter-1"]
[carriers.pallet-2]
slots = ["1"]
fits = ["stand-a.1", "stand-b.1", "stand-c.1"]
at = "stand-c.1"
movers = ["porter-1", "arm-3"]
"""


def write_pallet_shop(folder: Path, prints: Mapping[str, int]) -> Path:
    """Two printers, and a router that only pallets lead to: an arm or a person carries them over three stands."""
    printers = ["printer-1", "printer-2"]
    reaches = ([*printers, "stand-a"], ["stand-b", "router-1", "outfeed"], ["stand-a", "stand-b", "stand-c"])
    text = f'[cell]\nname = "pallets"\nproducts = {[f"{name}.toml" for name in prints]}\n'
    text += "".join(_PRINTER.format(name=name, slots=["bed"]) for name in printers) + _ROUTER.format(name="router-1")
    text += "".join(_ARM.format(name=f"arm-{n + 1}", reach=reach) for n, reach in enumerate(reaches))
    cell = folder / "pallets.toml"
    cell.write_text(text + _BENCH.format(name="bench-1") + _STANDS)
    _write_products(folder, prints, {})
    return cell


def _write_products(folder: Path, prints: Mapping[str, int], builds: Mapping[str, Sequence[int]]) -> None:
    for number, (name, minutes) in enumerate(prints.items()):
        (folder / f"{name}.gcode").write_text(printed(minutes))
        (folder / f"{name}.nc").write_text(engraved(4 + number))
        sizes = builds.get(name, ())
        for size in sizes:
            (folder / f"{name}-x{size}.gcode").write_text(printed(minutes * size))
        (folder / f"{name}.toml").write_text(_PRODUCT.format(name=name) + _route(name, sizes, cut=number % 2 == 1))


def _route(name: str, sizes: Sequence[int], *, cut: bool) -> str:
    steps = f'[[route]]\nstep = "print"\ncapability = "fdm"\nprogram = {{ file = "{name}.gcode" }}\n'
    steps += "[route.build]\n" * bool(sizes)
    steps += "".join(f'{size} = {{ file = "{name}-x{size}.gcode" }}\n' for size in sizes)
    if cut:
        steps += f'[[route]]\nstep = "engrave"\ncapability = "engrave"\nprogram = {{ file = "{name}.nc" }}\n'
    question = '{ text = "Good?", choices = ["accept", "scrap"] }'
    return steps + f'[[route]]\nstep = "inspect"\ncapability = "inspect"\nquestion = {question}\n'
