"""Programs for printers: PrusaSlicer and CuraEngine as Debian 12 packages them, over the models of models.scad.

Every function yields Made; the commands need openscad, prusa-slicer and cura-engine, and the definition files of
Debian's cura package (unpacked anywhere).
"""

import configparser
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
VENDORS: Final = Path("/usr/share/PrusaSlicer/profiles")

SOLID: Final = ("block", "ring", "bracket", "gear", "cup", "dome", "hook", "bridge", "star", "pins", "twist", "tag")
SINGLE_WALL: Final = ("cup", "twist", "star")
FEW: Final = ("ring", "bracket", "star")


@dataclass(frozen=True, slots=True)
class Made:
    """A program, the machine it is for, and how it was made."""

    name: str
    machine: str
    text: str
    by: str
    how: str


def models(work: Path) -> dict[str, Path]:
    """Every part of models.scad as an STL file."""
    paths = {}
    for part in SOLID:
        paths[part] = work / f"{part}.stl"
        _run("openscad", "-q", "-D", f'part="{part}"', "-o", str(paths[part]), str(HERE / "models.scad"))
    return paths


# ---- PrusaSlicer, profiles of our own ----------------------------------------------------------------------------

_BASE: Final[Mapping[str, str]] = {
    "bed_shape": "0x0,220x0,220x220,0x220",
    "bed_temperature": "60",
    "bottom_solid_layers": "2",
    "end_gcode": r"G91\nG1 E-2 F2100\nG1 Z10 F1200\nG90\nG1 X5 Y210 F6000\nM104 S0\nM140 S0\nM107\nM84\n",
    "fill_density": "15%",
    "first_layer_bed_temperature": "65",
    "first_layer_height": "0.3",
    "first_layer_temperature": "215",
    "gcode_flavor": "marlin2",
    "layer_height": "0.3",
    "machine_limits_usage": "ignore",
    "nozzle_diameter": "0.4",
    "perimeters": "2",
    "start_gcode": r"M140 S[first_layer_bed_temperature]\nM104 S160\nG28\nG29\nG1 Z5 F600\nM190 S"
    r"[first_layer_bed_temperature]\nM109 S[first_layer_temperature]\nG92 E0\n",
    "temperature": "205",
    "top_solid_layers": "3",
}
_PRUSA: Final[Mapping[str, Mapping[str, str]]] = {
    "absolute": {},
    "relative": {"use_relative_e_distances": "1", "layer_gcode": r"G92 E0\n"},
    "firmware-retraction": {"use_firmware_retraction": "1", "use_relative_e_distances": "1", "layer_gcode": "G92 E0"},
    "lifted": {"retract_lift": "0.4", "wipe": "1", "retract_before_wipe": "70%", "retract_layer_change": "1"},
    "commented": {"gcode_comments": "1", "gcode_label_objects": "1", "gcode_flavor": "marlin"},
    "slopes": {
        "default_acceleration": "1000",
        "first_layer_acceleration": "400",
        "infill_acceleration": "1200",
        "perimeter_acceleration": "600",
    },
}
_PRUSA_MORE: Final[Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]]] = {
    "vase": (SINGLE_WALL, {"spiral_vase": "1", "perimeters": "1", "top_solid_layers": "0", "fill_density": "0"}),
    "supported": (("bridge", "dome", "hook"), {"support_material": "1", "raft_layers": "1", "brim_width": "3"}),
    "progress": (FEW, {"remaining_times": "1", "machine_limits_usage": "time_estimate_only"}),
    "abs": (
        FEW,
        {"temperature": "245", "first_layer_temperature": "250", "bed_temperature": "100", "cooling": "0"}
        | {"first_layer_bed_temperature": "105", "fan_always_on": "0"},
    ),
    "gyroid": (FEW, {"fill_pattern": "gyroid", "fill_density": "25%", "perimeter_generator": "arachne"}),
    "coarse": (FEW, {"nozzle_diameter": "0.8", "layer_height": "0.5", "first_layer_height": "0.5"}),
    "ironed": (("block", "star"), {"ironing": "1", "infill_first": "1", "thin_walls": "1", "skirts": "3"}),
    "twice": (FEW, {"duplicate": "2"}),
}
_TWO_NOZZLES: Final[Mapping[str, str]] = {
    "bed_temperature": "60,60",
    "extruder_offset": "0x0,0x0",
    "first_layer_bed_temperature": "65,65",
    "first_layer_temperature": "215,210",
    "infill_extruder": "2",
    "nozzle_diameter": "0.4,0.4",
    "start_gcode": r"M140 S65\nG28\nM190 S65\nM104 T1 S210\nM109 T0 S215\nM109 T1 S210\nG92 E0\n",
    "temperature": "205,205",
}


def by_prusa_slicer(stl: Mapping[str, Path], work: Path) -> Iterator[Made]:
    """Our own profiles for a printer of 220 x 220 mm."""
    wanted = [(part, name, settings) for part, (name, settings) in product(SOLID, _PRUSA.items())]
    wanted += [(part, name, settings) for name, (parts, settings) in _PRUSA_MORE.items() for part in parts]
    for part, name, settings in wanted:
        text = _prusa(stl[part], _BASE | settings, work, "110,110")
        yield Made(f"prusa-slicer/{name}-{part}.gcode", "i3", text, "prusa-slicer", f"our profile {name}")
    for part in FEW:
        text = _prusa(stl[part], _BASE | _TWO_NOZZLES, work, "110,110")
        yield Made(f"prusa-slicer/two-nozzles-{part}.gcode", "two-nozzles", text, "prusa-slicer", "infill by T1")


# ---- PrusaSlicer, profiles of printers as the package brings them ------------------------------------------------

_VENDOR_PRINTERS: Final = (
    ("Creality", "Creality Ender-3 (0.4 mm nozzle)", "ender-3"),
    ("Creality", "Creality Ender-3 BLTouch (0.4 mm nozzle)", "ender-3"),
    ("Creality", "Creality Ender-5 (0.4 mm nozzle)", "large"),
    ("Creality", "Creality CR-6 SE (0.4 mm nozzle)", "large"),
    ("Anycubic", "Anycubic i3 Mega", "large"),
    ("Elegoo", "Elegoo Neptune-2", "large"),
    ("FLSun", "FLSun Q5", "delta"),
    ("PrusaResearch", "Original Prusa i3 MK3S & MK3S+", "mk3"),
    ("PrusaResearch", "Original Prusa i3 MK2S", "mk3"),
    ("Zonestar", "Zonestar Z6", "large"),
)
_VENDOR_OVERRIDES: Final[Mapping[str, str]] = {
    "first_layer_height": "0.3",
    "layer_height": "0.3",
    "machine_limits_usage": "time_estimate_only",
    "nozzle_diameter": "0.4",
}


def by_vendor_profiles(stl: Mapping[str, Path], work: Path) -> Iterator[Made]:
    """Printers of the market, with their own start and end code. Machine limits stay in the machine."""
    for vendor, printer, machine in _VENDOR_PRINTERS:
        settings = _vendor_settings(vendor, printer) | _VENDOR_OVERRIDES
        centre = "0,0" if machine == "delta" else "100,100"
        for part in FEW:
            text = _prusa(stl[part], settings, work, centre)
            name = "-".join("".join(char if char.isalnum() else " " for char in printer).lower().split())
            yield Made(f"vendors/{name}-{part}.gcode", machine, text, "prusa-slicer", f"{vendor}.ini, {printer}")


def _vendor_settings(vendor: str, printer: str) -> dict[str, str]:
    bundle = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    bundle.optionxform = str  # type: ignore[assignment,method-assign]
    bundle.read(VENDORS / f"{vendor}.ini", encoding="utf-8")
    machine = _inherited(bundle, f"printer:{printer}")
    settings: dict[str, str] = {}
    for kind in ("print", "filament"):
        default = machine[f"default_{kind}_profile"].split(";")[0].strip('"')
        settings |= _inherited(bundle, f"{kind}:{default}")
    settings |= machine
    return {key: value for key, value in settings.items() if not key.startswith(("compatible_", "thumbnail", "host_"))}


def _inherited(bundle: configparser.RawConfigParser, section: str) -> dict[str, str]:
    own = dict(bundle[section])
    kind = section.partition(":")[0]
    settings: dict[str, str] = {}
    for parent in own.pop("inherits", "").split(";"):
        if parent.strip():
            settings |= _inherited(bundle, f"{kind}:{parent.strip()}")
    return settings | own


def _prusa(stl: Path, settings: Mapping[str, str], work: Path, centre: str) -> str:
    profile, out = work / "profile.ini", work / "out.gcode"
    profile.write_text("".join(f"{key} = {value}\n" for key, value in settings.items() if key != "duplicate"))
    copies = ("--duplicate", settings["duplicate"]) if "duplicate" in settings else ("--center", centre)
    _run("prusa-slicer", "--export-gcode", "--load", str(profile), *copies, "-o", str(out), str(stl))
    return out.read_text(encoding="utf-8")


# ---- CuraEngine --------------------------------------------------------------------------------------------------

_CURA: Final[Mapping[str, Mapping[str, Any]]] = {
    "plain": {},
    "relative": {"relative_extrusion": "true", "retraction_hop_enabled": "true", "retraction_hop": 0.4},
    "raft": {"adhesion_type": "raft", "infill_pattern": "gyroid"},
    "slopes": {"acceleration_enabled": "true", "jerk_enabled": "true", "adhesion_type": "brim"},
}
_CURA_MORE: Final[Mapping[str, tuple[tuple[str, ...], Mapping[str, Any]]]] = {
    "vase": (SINGLE_WALL, {"magic_spiralize": "true", "adhesion_type": "brim"}),
    "supported": (("bridge", "dome"), {"support_enable": "true", "support_pattern": "lines"}),
    "ironed": (("block", "star"), {"ironing_enabled": "true", "coasting_enable": "true"}),
    "firmware-retraction": (FEW, {"machine_firmware_retract": "true"}),
    "fuzzy": (("ring",), {"magic_fuzzy_skin_enabled": "true"}),
}
_CURA_PRINTERS: Final = (
    ("creality_ender3", "ender-3"),
    ("creality_cr10", "released"),
    ("anet3d_a8", "i3"),
    ("prusa_i3", "i3"),
    ("artillery_sidewinder_x1", "large"),
    ("anycubic_i3_mega_s", "i3"),
    ("tevo_tarantula", "i3"),
)
_CURA_USUAL: Final[Mapping[str, Any]] = {
    "layer_height": 0.3,
    "infill_line_distance": 4,
    "material_bed_temperature": 60,
    "material_bed_temperature_layer_0": 60,
    "material_print_temperature": 205,
    "material_print_temperature_layer_0": 210,
    "material_final_print_temperature": 195,
    "material_initial_print_temperature": 200,
    "top_layers": 3,
    "bottom_layers": 2,
}


def by_cura_engine(stl: Mapping[str, Path], work: Path, cura: Path) -> Iterator[Made]:
    """An Ender 3 with every part, and other printers with their own start and end code. `cura`: its resources."""
    wanted = [("creality_ender3", "ender-3", part, name) for part, name in product(SOLID, _CURA)]
    wanted += [("creality_ender3", "ender-3", part, name) for name, (parts, _) in _CURA_MORE.items() for part in parts]
    wanted += [(printer, machine, part, "plain") for printer, machine in _CURA_PRINTERS[1:] for part in FEW]
    for printer, machine, part, name in wanted:
        settings = _CURA.get(name) or _CURA_MORE.get(name, ((), {}))[1]
        text = _cura(stl[part], printer, settings, work, cura)
        file = f"cura/{printer.replace('_', '-')}-{name}-{part}.gcode"
        yield Made(file, machine, text, "cura-engine", f"{printer}.def.json, {name}")


def _cura(stl: Path, printer: str, settings: Mapping[str, Any], work: Path, cura: Path) -> str:
    out = work / "out.gcode"
    given = _CURA_USUAL | settings
    given |= _scripts(cura, printer, given)
    definition = cura / "definitions" / f"{printer}.def.json"
    options = [text for key, value in given.items() for text in ("-s", f"{key}={value}")]
    paths = f"{cura / 'definitions'}:{cura / 'extruders'}"
    command = ["CuraEngine", "slice", "-j", str(definition), *options, "-o", str(out), "-l", str(stl)]
    _run("env", f"CURA_ENGINE_SEARCH_PATH={paths}", *command)
    return out.read_text(encoding="utf-8")


def _scripts(cura: Path, printer: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Start and end code with the settings filled in, which is what Cura's window does before it calls the engine."""
    values: dict[str, Any] = {}
    name = printer
    while name:
        definition = json.loads((cura / "definitions" / f"{name}.def.json").read_text())
        values = _defaults(definition.get("settings", {})) | _overrides(definition) | values
        name = definition.get("inherits", "")
    values |= settings
    scripts = {}
    for key in ("machine_start_gcode", "machine_end_gcode"):
        text = str(values[key])
        for setting, value in values.items():
            text = text.replace(f"{{{setting}}}", str(value))
        scripts[key] = text
    return scripts


def _overrides(definition: Mapping[str, Any]) -> dict[str, Any]:
    overrides = definition.get("overrides", {})
    return {key: value["default_value"] for key, value in overrides.items() if "default_value" in value}


def _defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if "default_value" in value:
            found[key] = value["default_value"]
        found |= _defaults(value.get("children", {}))
    return found


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)[:300]}\n{done.stderr[-2000:]}")
