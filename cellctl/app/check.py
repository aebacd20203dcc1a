"""`cellctl check`: every mistake in a cell file; then which machine may run which program, and how long that takes.

Nothing is kept and no machine is asked: what only a machine can tell is checked when the program is about to run.
"""

import asyncio
from argparse import Namespace
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Final

from cellctl.app.config import CellConfig, load
from cellctl.app.workbench import Workbench, rules_of
from cellctl.core import ways
from cellctl.domain.errors import ConfigError, OrderRefused
from cellctl.domain.work import Parameter, Station, Step, Way
from cellctl.gcode.preflight import check
from cellctl.gcode.rules import AXES, MachineRules
from cellctl.gcode.verdict import Passed, Refused, Verdict
from cellctl.products.product import Product
from cellctl.products.route import FileProgram, ProductStep, ResidentProgram
from cellctl.products.workshop import make_step
from cellctl.stores.files import MemoryFiles

_EXAMPLES_TRIED: Final = 20
_REFUSED: Final = "REFUSED"


def main_check(args: Namespace) -> int:
    """Raises ConfigError with every mistake in the file; 1 if a program passes on no machine that should run it."""
    if args.machine and args.program is None:
        raise ConfigError(["--machine goes with --program FILE"])
    config = load(args.cell)
    if args.program is not None:
        fine, lines = _about_file(args.program, args.machine, config)
    else:
        lines = _about_cell(args.cell, config)
        fine = not any(line.lstrip().startswith(_REFUSED) for line in lines)
    for line in lines:
        print(line)  # noqa: T201 - the command's output
    return 0 if fine else 1


# ---- the cell ----------------------------------------------------------------------------------------------------


def _about_cell(path: Path, config: CellConfig) -> list[str]:
    machines = ", ".join(f"{name} ({config.plan.stations[name].driver})" for name in config.machines)
    racks = ", ".join(name for name, station in config.plan.stations.items() if not station.driver)
    products = ", ".join(f"{product.name} {product.revision}" for product in config.products)
    lines = [f"{path} is in order", f"  machines  {machines}", f"  racks     {racks or '-'}"]
    for name, carrier in config.plan.carriers.items():
        lines.append(f"  carrier   {name} at {carrier.at}, moved by {', '.join(carrier.movers) or 'nobody'}")
    lines += [f"  products  {products or '-'}", "", "pre-flight check: what programs are held against"]
    rules = rules_of(config)
    lines += [f"  {name:<11} {_about_rules(config, name, rules)}" for name in config.machines]
    bench = Workbench(config, MemoryFiles())
    for product in config.products:
        lines += ["", f"{product.name} {product.revision}"]
        for step in product.route:
            lines += _about_step(config, bench, product, step, rules.keys())
    return lines


def _about_rules(config: CellConfig, name: str, all_rules: Mapping[str, MachineRules]) -> str:
    if not config.plan.stations[name].preflight:
        return "OFF (preflight = false): its programs run unchecked"
    rules = all_rules.get(name)
    if rules is None:
        return "runs no programs"
    if not rules.timed:
        return (
            f"codes and bytes; no [machines.{name}.limits], so travel only as the machine tells it, heat and time not"
        )
    limits = rules.limits
    travel = ", ".join(
        f"{axis} {least:g} to {most:g}"
        for axis, least, most in zip(AXES, limits.envelope.least_mm, limits.envelope.most_mm, strict=True)
    )
    parts = [travel if limits.envelope.bounded else "travel once the machine has told its work offsets"]
    if limits.heat is not None:
        parts.append(f"nozzle {limits.heat.nozzle_max_celsius:g} C, bed {limits.heat.bed_max_celsius:g} C")
    if limits.spindle is not None:
        parts.append(f"spindle {limits.spindle.least_rpm:g} to {limits.spindle.most_rpm:g}")
    return "; ".join(parts)


def _about_step(
    config: CellConfig, bench: Workbench, product: Product, step: ProductStep, checked: Collection[str]
) -> Iterator[str]:
    for _, way in step.each_way():
        if way.question is not None or not way.work():
            yield f"  {step.step:<11} a person {'answers' if way.question else 'does it'}"
        for run in way.runs():
            only = {"programs": {run.machine_type: run.program}} if run.machine_type else {"program": run.program}
            keys = {"step": step.step, "capability": way.capability, "by_hand": way.by_hand, **only}
            one = ProductStep.model_validate(keys)
            yield from _about_program(config, bench, product, one, checked)
            if run.parts > 1:
                yield f"    {_about_build(config, way.capability, run.parts)}"


def _about_build(config: CellConfig, capability: str, parts: int) -> str:
    able = [each for each in config.plan.stations.values() if capability in each.capabilities and not each.attended]
    names = ", ".join(each.name for each in able if len(each.slots) >= parts)
    return f"makes {parts} parts in one run on {names}" if names else f"never runs: no machine has {parts} slots"


def _about_program(
    config: CellConfig, bench: Workbench, product: Product, step: ProductStep, checked: Collection[str]
) -> Iterator[str]:
    """What is said of a step that has one way and one program."""
    (program,) = step.work().values()
    if isinstance(program, ResidentProgram):
        yield f"  {step.step:<11} {program.resident}, which is in the machine's controller and is not checked here"
        return
    what = program.file.name if isinstance(program, FileProgram) else "an example of its program"
    try:
        (made,) = asyncio.run(_example(product, step, bench)).ways
    except OrderRefused as refused:
        yield f"  {step.step:<11} {what}"
        yield from (f"    {_REFUSED}: {each}" for each in str(refused).split(" | "))
        return
    lines = f", {made.program.lines} lines" if made.program else ""
    yield f"  {step.step:<11} {what}{lines}"
    for station in config.plan.stations.values():
        if station.driver and ways.able(station, made):
            yield f"    {_about_station(made, station, checked=station.name in checked)}"


async def _example(product: Product, step: ProductStep, bench: Workbench) -> Step:
    """The step as for an order of any of some values that it may be ordered with. Raises OrderRefused."""
    rng = Random(0)  # noqa: S311 - repeatable on purpose
    for _ in range(_EXAMPLES_TRIED):
        wishes: dict[str, Parameter] = {name: spec.example(rng) for name, spec in product.parameters.items()}
        try:
            return await make_step(product, step, wishes, bench)
        except OrderRefused as refused:
            if refused.code == "invalid":
                raise
    raise OrderRefused("does_not_fit", f"of {_EXAMPLES_TRIED} examples none could be made")


def _about_station(made: Way, station: Station, *, checked: bool) -> str:
    if station.attended:
        return f"may be done by hand at {station.name}"
    if station.name in made.unfit:
        return made.unfit[station.name]
    if not checked:
        return f"runs unchecked on {station.name}"
    return f"passes on {station.name}{_takes(made.estimates_s.get(station.name, 0.0))}"


def _takes(takes_s: float) -> str:
    if not takes_s:
        return ""
    minutes, seconds = divmod(round(takes_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f", takes about {hours}:{minutes:02d}:{seconds:02d}"


# ---- one file ----------------------------------------------------------------------------------------------------


def _about_file(path: Path, machine: str, config: CellConfig) -> tuple[bool, list[str]]:
    """Whether a machine may run it, and what is said about each that was asked for."""
    rules = rules_of(config)
    if machine and machine not in rules:
        raise ConfigError([f"--machine {machine}: must be one of: {', '.join(rules) or '(none)'}"])
    asked = [machine] if machine else list(rules)
    try:
        verdicts = {name: _verdict(path, rules[name]) for name in asked}
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read ({error.strerror})"]) from None
    fine = any(isinstance(verdict, Passed) for verdict in verdicts.values())
    return fine, [line for name in asked for line in _about_verdict(path.name, name, rules[name], verdicts[name])]


def _verdict(path: Path, rules: MachineRules) -> Verdict:
    with path.open(encoding="latin-1") as lines:
        return check(lines, rules)


def _about_verdict(file: str, machine: str, rules: MachineRules, verdict: Verdict) -> list[str]:
    if isinstance(verdict, Refused):
        return [f"{_REFUSED}: {file} must not run on {machine}", *(f"  {place}" for place in str(verdict).splitlines())]
    lines = [f"{file} passes on {machine}{_takes(verdict.takes_s) if rules.timed else ''}"]
    return [*lines, *(f"  {fact}" for fact in _facts(verdict))]


def _facts(verdict: Passed) -> Iterator[str]:
    yield f"{verdict.lines} lines, tools {', '.join(f'T{tool}' for tool in verdict.tools) or '-'}"
    box = verdict.box_mm
    if box is not None:
        spans = zip(AXES, box.least_mm, box.most_mm, strict=True)
        yield f"reaches {', '.join(f'{axis} {least:.2f} to {most:.2f}' for axis, least, most in spans)} mm"
    if verdict.nozzle_celsius or verdict.bed_celsius:
        yield f"nozzle {verdict.nozzle_celsius:g} C, bed {verdict.bed_celsius:g} C"
        yield f"{verdict.extruded_mm:.0f} mm of filament"
    if verdict.spindle_rpm:
        yield f"spindle {verdict.spindle_rpm:g}"
    if verdict.feed_mm_per_min:
        yield f"feed {verdict.feed_mm_per_min:g} mm/min"
    if verdict.heating_s:
        yield f"waits for heat about {verdict.heating_s:.0f} s"
