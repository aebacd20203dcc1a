"""Every mistake in a cell file is told with file, key, what was found and what is allowed, and all of them at once."""

import shutil
from pathlib import Path

import pytest

from cellctl.app.config import load
from cellctl.app.toml_file import override, parse_settings, read_toml
from cellctl.core.agenda import SEQUENCERS
from cellctl.domain.errors import ConfigError
from cellctl.domain.work import Changeovers, ChangeRule

EXAMPLE = Path(__file__).parents[2] / "examples" / "nameplate"


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    """A copy of the example, to be spoilt."""
    for name in ("cell.toml", "product.toml", "base.gcode"):
        shutil.copy(EXAMPLE / name, tmp_path)
    return tmp_path / "cell.toml"


def spoil(file: Path, right: str, wrong: str) -> None:
    text = file.read_text()
    assert right in text
    file.write_text(text.replace(right, wrong, 1))


def mistakes(file: Path) -> list[str]:
    with pytest.raises(ConfigError) as error:
        load(file)
    return list(error.value.mistakes)


def test_the_example_is_in_order(cell: Path) -> None:
    config = load(cell)
    assert list(config.machines) == ["printer-1", "printer-2", "router-1", "arm-1", "bench-1"]
    assert config.plan.stations["infeed"].buffer
    assert [product.name for product in config.products] == ["nameplate"]


@pytest.mark.parametrize(
    ("right", "wrong", "mistake"),
    [
        (
            'driver = "marlin"',
            'driver = "marlyn"',
            "machines.printer-1.driver must be one of: grbl, manual, marlin, opcua, serial_arm; found 'marlyn'",
        ),
        ('driver = "marlin"', "", "machines.printer-1.driver is missing"),
        (
            'driver = "marlin"',
            'driver = ["marlin"]',
            "machines.printer-1.driver: input should be a valid string; found",
        ),
        (
            "travel_mm = [220, 220, 240]",
            "min_mm = [0, 0, 0]",
            "machines.printer-1.limits: give either travel_mm, or min_mm and max_mm; found",
        ),
        (
            "travel_mm = [220, 220, 240]",
            "travel_mm = [220, 220, 240]\nmax_mm = [1, 1, 1]",
            "machines.printer-1.limits: travel_mm and min_mm, max_mm say the same; give one of them; found",
        ),
        (
            "travel_mm = [220, 220, 240]",
            "min_mm = [0, 0, 9]\nmax_mm = [1, 1, 1]",
            "machines.printer-1.limits: min_mm must be below max_mm on every axis; Z goes from 9 to 1; found",
        ),
        (
            "junction_deviation_mm = 0.013    # or",
            "#",
            "machines.printer-1.limits: give either junction_deviation_mm or jerk_mm_per_s, as the firmware has it",
        ),
        (
            "nozzle_max_celsius = 260",
            "nozzle_max_celsius = -1",
            "machines.printer-1.limits.nozzle_max_celsius: input should be greater than 0; found -1",
        ),
        ("nozzle_max_celsius = 260", "", "machines.printer-1.limits.nozzle_max_celsius is missing"),
        ("bed_max_celsius", "bed_max", "machines.printer-1.limits.bed_max is not a key that is known here"),
        ("{ G54 =", "{ G64 =", "machines.router-1.limits.work_offsets_mm.G64.[key]: string should match"),
        (
            'slots = ["bed"]',
            'slots = ["bed"]\npreflight = "no way"',
            "machines.printer-1.preflight: input should be a valid boolean",
        ),
        ("port = 18830", "port = 99999", "mqtt.port: input should be less than or equal to 65535; found 99999"),
        ("port = 18830", 'port = "a"', "mqtt.port: input should be a valid integer"),
        ('protocol = "3.1.1"', 'protocol = "4"', "mqtt.protocol: input should be '3.1.1' or '5'; found '4'"),
        ('base = "cellctl"', 'base = "a b"', "mqtt.base: string should match pattern"),
        ('name = "nameplate"', 'name = "Name Plate"', "cell.name: string should match pattern"),
        ("[racks.outfeed]", "[rack.outfeed]", "rack is not a key that is known here"),
        ("buffer = true", "bufer = true", "racks.infeed.bufer is not a key that is known here"),
        ("baud = 115200", 'bauds = "fast"', "machines.printer-1.bauds is not a key that is known here"),
        ("baud = 115200", 'baud = "fast"', "machines.printer-1.baud: input should be a valid integer"),
        (
            'port = "cell/printer-1"',
            'port = "usb:serial=A,vid=12"',
            "machines.printer-1.port: usb: vid is four hex digits",
        ),
        ('port = "cell/router-1"', 'port = "tcp://host"', "machines.router-1.port: tcp://host:port is wanted, found "),
        ('port = "cell/router-1"', 'port = ""', "machines.router-1.port: a device file, usb:, tcp:// or rfc2217://"),
        ('slots = ["bed"]', 'slots = ["bed", "bed"]', "machines.printer-1.slots: every slot needs a name of its own"),
        ('slots = ["bed"]', 'slots = ["the.bed"]', "machines.printer-1.slots.0: string should match pattern"),
        ('slots = ["bed"]', "", "machines.printer-1.slots is missing: what is worked on here needs a place"),
        (
            'reach = ["outfeed", "bench-1"]',
            'reach = ["outfed", "bench-1"]',
            "machines.bench-1.reach: there is no station 'outfed'; there are: printer-1, printer-2, router-1, arm-1, "
            "bench-1, infeed, outfeed",
        ),
        (
            "[racks.outfeed]",
            "[racks.arm-1]",
            "arm-1 is both a machine and a rack; every station needs a name of its own",
        ),
        ("[racks.outfeed]", '[racks."out feed"]', "a station cannot be called 'out feed'; allowed: a-z, 0-9, _ and -"),
        ("[racks.outfeed]", '[racks."out.feed"]', "a station cannot be called 'out.feed'; allowed: a-z, 0-9, _ and -"),
        ("[racks.outfeed]", "[racks.gone]", "a station cannot be called 'gone'; allowed: a-z, 0-9, _ and -"),
        ('"product.toml"]', '"product.toml", "product.toml"]', "cell.products has nameplate A 2 times"),
    ],
    ids=lambda text: text[:40],
)
def test_a_mistake_is_told_with_its_key(cell: Path, right: str, wrong: str, mistake: str) -> None:
    spoil(cell, right, wrong)
    assert any(line.startswith(f"cell.toml: {mistake}") for line in mistakes(cell)), mistakes(cell)


@pytest.mark.parametrize(
    ("right", "wrong", "mistake"),
    [
        ("base.gcode", "bass.gcode", "route.0.program.file must be a file beside it; found 'bass.gcode'"),
        (
            '"engrave_text"',
            '"engrave"',
            "route.1.program.generator must be one of: engrave_text; found 'engrave'",
        ),
        ("depth_mm = 0.3", "depth_mm = -1", "route.1.program.depth_mm: input should be greater than 0; found -1"),
        ("depth_mm = 0.3", "", "route.1.program.depth_mm is missing"),
        ("feed_mm_per_min", "feed", "route.1.program.feed is not a key that is known here"),
        ('font = "futural"', 'font = "arial"', "route.1.program: there is no font 'arial'; there are: "),
        ("minimum = 4.0", 'minimum = "four"', "parameters.height_mm.minimum: input should be a valid number"),
        ('revision = "A"', "", "product.revision is missing"),
    ],
    ids=lambda text: text[:40],
)
def test_a_mistake_in_a_product_is_told_before_anybody_orders_it(
    cell: Path, right: str, wrong: str, mistake: str
) -> None:
    spoil(cell.with_name("product.toml"), right, wrong)
    assert any(line.startswith(f"product.toml: {mistake}") for line in mistakes(cell)), mistakes(cell)


def test_all_mistakes_of_all_files_are_told_at_once(cell: Path) -> None:
    for right, wrong in (
        ("port = 18830", "port = 0"),
        ('driver = "marlin"', 'driver = "marlyn"'),
        ('baud = 115200\ncapabilities = ["engrave"]', 'bauds = 1\ncapabilities = "engrave"'),
        ('"outfeed"]', '"outfed"]'),
        ("[racks.infeed]\nslots", "[racks.infeed]\nslot"),
    ):
        spoil(cell, right, wrong)
    product = cell.with_name("product.toml")
    spoil(product, "base.gcode", "bass.gcode")
    spoil(product, "depth_mm = 0.3", "depth_mm = 0")
    told = mistakes(cell)
    for key in (
        "cell.toml: mqtt.port",
        "cell.toml: machines.printer-1.driver",
        "cell.toml: machines.router-1.bauds",
        "cell.toml: machines.router-1.capabilities",
        "cell.toml: machines.arm-1.reach",
        "cell.toml: racks.infeed.slots is missing",
        "cell.toml: racks.infeed.slot is not a key",
        "product.toml: route.0.program.file",
        "product.toml: route.1.program.depth_mm",
    ):
        assert [line for line in told if line.startswith(key)], f"{key} is not in {told}"
    assert len(told) == len(set(told)) == 9


def test_what_is_said_about_one_station_does_not_make_others_unknown(cell: Path) -> None:
    spoil(cell, 'driver = "grbl"', 'driver = "gerbil"')
    assert [line for line in mistakes(cell) if "reach" in line] == []


def test_simulators_read_their_tables_themselves(cell: Path) -> None:
    spoil(cell, "move_s = 6.0", 'moves = "slowly"')
    load(cell)


def test_a_file_that_is_not_toml_says_where(cell: Path) -> None:
    spoil(cell, "[cell]", "[cell")
    (line,) = mistakes(cell)
    assert line.startswith("cell.toml: is not valid TOML: ")
    assert "line 7" in line


def test_a_file_that_is_not_utf_8_or_not_there_is_told_by_name(cell: Path, tmp_path: Path) -> None:
    cell.write_bytes("name = 'Zürich'".encode("latin-1"))
    assert mistakes(cell) == ["cell.toml: is not UTF-8 text"]
    absent = tmp_path / "absent.toml"
    assert mistakes(absent) == [f"{absent}: cannot be read (No such file or directory)"]
    assert mistakes(tmp_path) == [f"{tmp_path}: cannot be read (Is a directory)"]


def test_an_absent_product_file_is_told_with_the_other_mistakes(cell: Path, tmp_path: Path) -> None:
    spoil(cell, '"product.toml"]', '"prodct.toml", "a\\u0000b"]')
    spoil(cell, "port = 18830", "port = 0")
    told = mistakes(cell)
    assert f"{tmp_path}/prodct.toml: cannot be read (No such file or directory)" in told
    assert len(told) == 3


@pytest.mark.parametrize("text", ["", "cell = 1\nmachines = 2\nracks = 3\nmqtt = 4", "[machines]\nprinter-1 = 5"])
def test_a_file_of_quite_another_shape_is_answered_too(cell: Path, text: str) -> None:
    cell.write_text(text)
    assert all(line.startswith("cell.toml: ") for line in mistakes(cell))


def test_settings_of_the_command_line_go_over_the_file(cell: Path) -> None:
    pairs = [
        ("mqtt.port", "1884"),
        ("mqtt.protocol", "5"),
        ("machines.printer-1.port", "tty/x"),
        ("cell.name", '"new"'),
    ]
    config = load(cell, parse_settings(pairs))
    assert (config.mqtt.port, config.mqtt.protocol, config.plan.name) == (1884, "5", "new")
    assert config.machines["printer-1"].options.port == "tty/x"


def test_a_setting_below_something_that_is_no_table_is_refused(cell: Path) -> None:
    with pytest.raises(ConfigError, match=r"--set cell\.name\.short: name is not a table"):
        override(read_toml(cell), {"cell.name.short": 1})


def test_lines_by_hand_are_allowed_to_nobody_unless_the_cell_or_the_machine_says_so(cell: Path) -> None:
    def allowed(settings: dict[str, bool]) -> list[str]:
        return [name for name, station in load(cell, settings).plan.stations.items() if station.console]

    assert allowed({}) == []
    assert allowed({"machines.router-1.console": True}) == ["router-1"]
    assert allowed({"cell.console": True, "machines.printer-2.console": False}) == ["printer-1", "router-1"]
    with pytest.raises(ConfigError, match=r"machines.arm-1.console: machines with driver 'opcua' take no lines"):
        allowed({"machines.arm-1.console": True})


CHANGEOVER = """
[changeover]
minutes = 10
parallel = true

[[changeover.rules]]
dimension = "material"
station = "printer-*"
from = "pla*"
to = "petg*"
minutes = 12

[[changeover.rules]]
dimension = "nozzle"
forbidden = true

[[changeover.rules]]
dimension = "plate"
minutes = 0.5
program = "swap"
"""


def test_the_set_up_matrix_and_the_sequencer_are_in_the_cell_file(cell: Path) -> None:
    spoil(cell, 'name = "nameplate"', 'name = "nameplate"\ndispatch = "first-come"')
    spoil(cell, 'slots = ["bed"]', 'slots = ["bed"]\ntype = "mk4"\nsetup = { material = "pla", nozzle = 0.4 }')
    cell.write_text(cell.read_text() + CHANGEOVER)
    plan = load(cell).plan
    assert plan.dispatch == "first-come"
    assert plan.changeovers == Changeovers(
        (
            ChangeRule(720.0, "material", "printer-*", "pla*", "petg*"),
            ChangeRule(None, "nozzle"),
            ChangeRule(30.0, "plate", program="swap"),
        ),
        default_s=600.0,
        parallel=True,
    )
    printer = plan.stations["printer-1"]
    assert (printer.type, printer.setup) == ("mk4", {"material": "pla", "nozzle": "0.4"})
    assert load(EXAMPLE / "cell.toml").plan.changeovers == Changeovers()


@pytest.mark.parametrize(
    ("right", "wrong", "mistake"),
    [
        ("forbidden = true", "", "changeover.rules.1: a rule has either minutes or forbidden = true; found"),
        ("minutes = 12", "minutes = -1", "changeover.rules.0.minutes: input should be greater than or equal to 0"),
        ("parallel = true", "paralel = true", "changeover.paralel is not a key that is known here"),
        ("minutes = 10", "minutes = 10\n[cell.x]\ny = 1", "cell.x is not a key that is known here"),
    ],
)
def test_mistakes_in_the_set_up_matrix_are_named(cell: Path, right: str, wrong: str, mistake: str) -> None:
    cell.write_text(cell.read_text() + CHANGEOVER)
    spoil(cell, right, wrong)
    assert any(mistake in each for each in mistakes(cell))


def test_every_sequencer_that_the_cell_file_may_name_is_there(cell: Path) -> None:
    for name in SEQUENCERS:
        text = (EXAMPLE / "cell.toml").read_text()
        cell.write_text(text.replace('name = "nameplate"', f'name = "nameplate"\ndispatch = "{name}"', 1))
        assert load(cell).plan.dispatch == name
    spoil(cell, f'dispatch = "{name}"', 'dispatch = "by-magic"')
    assert any("cell.dispatch" in each for each in mistakes(cell))
