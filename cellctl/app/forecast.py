"""`cellctl simulate --book --runs`: this order book on this cell, with these failures; done when, stopped by what?"""

import json
import math
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Final

import structlog

from cellctl.app import simulate
from cellctl.app.attendance import DAY_S, Attendance, Span, unmanned
from cellctl.app.clock import VirtualClock
from cellctl.app.config import load
from cellctl.app.shift import Call, Shift
from cellctl.app.shortages import Shortages
from cellctl.app.simulate import simulated_cell
from cellctl.app.toml_file import parse_settings, read_toml
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.commands import Right, SubmitOrder
from cellctl.domain.errors import ConfigError
from cellctl.domain.mishaps import FaultPlan, Mishap, Stroke
from cellctl.domain.order_book import Wish, parse_order_book
from cellctl.economics.forecast import OrderForecast, Run, StopForecast, orders_of, run_of, stops_of
from cellctl.faces.mqtt.refusal import Refused
from cellctl.faces.mqtt.verbs import VERBS, Asked, parse_arguments

# Virtual second 0 is six in the morning.
_STARTS_S: Final = 6 * 3600.0
_LONGEST_S: Final = 60 * DAY_S
_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class Failures:
    """How often a machine fails, in hours of the clock, and how long it is out of order then."""

    machine: str
    every_h: float
    repaired_h: float


@dataclass(frozen=True, slots=True)
class Question:
    """What is simulated: a cell (with settings that override its file), a book, failures, and when nobody is there."""

    cell: Path
    settings: Mapping[str, Any]
    book: tuple[Wish, ...]
    failures: tuple[Failures, ...]
    hours: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """The answer."""

    orders: Sequence[OrderForecast]
    stops: Sequence[StopForecast]


def forecast(question: Question, seeds: Sequence[int]) -> Forecast:
    """Live through it once for each seed."""
    runs = [_run(question, seed) for seed in seeds]
    due_s = {wish.args["order_id"]: wish.due_s for wish in question.book if wish.verb == "submit"}
    return Forecast(orders_of(runs, due_s), stops_of(runs))


def _run(question: Question, seed: int) -> Run:
    config = load(question.cell, question.settings)
    twin = simulated_cell(question.cell, question.settings, seed)
    twin.mishaps = _mishaps(question.failures, seed)
    attendance = Attendance(question.hours, midnight_s=-_STARTS_S)
    calls = _calls(question.book)
    shortages = Shortages()
    shift = Shift(config, twin, calls, attendance, watch=[shortages.watch])
    run_virtual(shift.run(_LONGEST_S))
    orders = {call.id for call in calls if isinstance(call.command, SubmitOrder)}
    refused = [reply.message for name, reply in shift.replies.items() if name in orders and not reply.accepted]
    if refused:
        raise ConfigError([f"an order of the book is refused: {message}" for message in refused])
    run = run_of(shift.store.read())
    return replace(run, stops=tuple(sorted((*run.stops, *shortages.stops), key=lambda stop: stop.at_s)))


def _calls(book: Sequence[Wish]) -> list[Call]:
    """As customers say it. Raises ConfigError for what cannot be asked."""
    calls, begun_at = [], VirtualClock().at(0.0)
    for number, wish in enumerate(book):
        verb = VERBS.get(wish.verb)
        if verb is None or verb.right is not Right.JOB:
            raise ConfigError([f"the order book asks for {wish.verb!r}, which is no verb of the class job"])
        try:
            command = verb.command(parse_arguments(verb, Asked.model_construct(args=wish.request(begun_at))))
        except Refused as refused:
            raise ConfigError([f"the order book: {wish.args}: {refused}"]) from None
        if command is not None:
            calls.append(Call(wish.at_s, command, f"wish-{number}"))
    return calls


def _mishaps(failures: Sequence[Failures], seed: int) -> FaultPlan:
    """Failures come by chance, at their rate, and repairs last by chance around their mean."""
    strokes: list[Stroke] = []
    for each in failures:
        rng, at_s = Random(f"{seed}/{each.machine}"), 0.0  # noqa: S311 - repeatable on purpose
        while (at_s := at_s + rng.expovariate(1 / (each.every_h * 3600.0))) < _LONGEST_S:
            lasts_s = each.repaired_h * 3600.0 * rng.uniform(0.5, 1.5)
            strokes.append(Stroke(at_s, Mishap.MACHINE_FAILS, each.machine, lasts_s))
            at_s += lasts_s
    return tuple(sorted(strokes))


# ---- one more station --------------------------------------------------------------------------------------------


def with_another(cell: Path, settings: Mapping[str, Any], station: str) -> tuple[dict[str, Any], str]:
    """The settings that add a copy of a machine to a cell file, within reach of all who reach it; and its name.

    It comes with as much material, and with the same tools.
    """
    file = read_toml(cell)
    tables = file.get("machines", {})
    if station not in tables:
        raise ConfigError([f"--add {station}: there is no such machine; there are: {', '.join(tables)}"])
    name = next(name for number in range(2, 1000) if (name := f"{station}-{number}") not in tables)
    added: dict[str, Any] = {**settings, f"machines.{name}": dict(tables[station])}
    for other, keys in tables.items():
        if station in keys.get("reach", ()):
            added[f"machines.{other}.reach"] = [*keys["reach"], name]
    for sort in ("lots", "tools"):
        here = {each: keys for each, keys in file.get(sort, {}).items() if keys.get("at") == station}
        added |= {f"{sort}.{each}-of-{name}": {**keys, "at": name} for each, keys in here.items()}
    return added, name


# ---- the command -------------------------------------------------------------------------------------------------


def main_simulate(args: Namespace) -> int:
    """`cellctl simulate`: with a book many runs and what they come to, else one run and its report."""
    return main_forecast(args) if args.book and args.runs else simulate.main_simulate(args)


def main_forecast(args: Namespace) -> int:
    """Print when each order is done, what stops, what one more station would change; 1 if an order is never done."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    settings = parse_settings(args.settings)
    failures = tuple(_failures(name, rate) for name, rate in args.failures)
    hours = unmanned([_span(text) for text in args.unmanned]) if args.unmanned else ()
    question = Question(
        args.cell, settings, tuple(parse_order_book(read_toml(args.book), args.book.name)), failures, hours
    )
    seeds = range(args.seed, args.seed + args.runs)
    answers = {"as it is": forecast(question, seeds)}
    for station in args.add:
        more, name = with_another(args.cell, settings, station)
        others = tuple(Failures(name, each.every_h, each.repaired_h) for each in failures if each.machine == station)
        wider = Question(args.cell, more, question.book, failures + others, hours)
        answers[f"with {name}"] = forecast(wider, seeds)
    text = json.dumps(_plain({key: asdict(each) for key, each in answers.items()}), indent=2)
    print(text if args.json else "\n".join(_lines(answers, args.runs)))  # noqa: T201 - the command's output
    return 1 if any(order.half_s == math.inf for order in answers["as it is"].orders) else 0


def _failures(machine: str, rate: str) -> Failures:
    every, _, repaired = rate.partition("/")
    try:
        return Failures(machine, float(every), float(repaired or 1.0))
    except ValueError:
        raise ConfigError(
            [f"--failures {machine}={rate}: say hours between failures / hours to repair: 40/1.5"]
        ) from None


def _span(text: str) -> Span:
    try:
        start, end = (int(hour) * 3600.0 + int(minute) * 60.0 for hour, minute in _times(text))
    except ValueError:
        raise ConfigError([f"--unmanned {text}: say from and to: 18:00-06:00"]) from None
    return start, end


def _times(text: str) -> list[tuple[str, str]]:
    return [(hour, minute) for hour, _, minute in (time.partition(":") for time in text.split("-"))]


def _plain(value: Any) -> Any:
    """JSON knows no infinity: what never happens is null."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if value == math.inf else value


def _lines(answers: Mapping[str, Forecast], runs: int) -> list[str]:
    lines = [f"{runs} runs; hours from the start (half of the runs / 85 % of them)", ""]
    names = list(answers)
    lines.append(f"{'order':<20} {'due':>8}  " + "  ".join(f"{name:<22}" for name in names))
    first = answers[names[0]]
    for number, order in enumerate(first.orders):
        due = "" if order.due_s is None else f"{order.due_s / 3600:.1f} h"
        cells = [_order(answers[name].orders[number]) for name in names]
        lines.append(f"{order.id:<20} {due:>8}  " + "  ".join(f"{cell:<22}" for cell in cells))
    lines += ["", "what stops, and when first (half of the runs in which it does):"]
    lines += [_stop(stop) for stop in first.stops[:_SHOWN]] or ["nothing that lasts a quarter of an hour"]
    return [line.rstrip() for line in lines]


def _order(order: OrderForecast) -> str:
    on_time = "" if order.on_time is None else f"  {order.on_time:.0%} on time"
    return f"{_hours(order.half_s)} / {_hours(order.most_s)}{on_time}"


def _stop(stop: StopForecast) -> str:
    lasts = "to the end" if stop.lasts_s == math.inf else f"for {_hours(stop.lasts_s)}"
    return f"{_hours(stop.first_s):>9}  {stop.station:<12} {lasts:<12} in {stop.share:.0%} of runs: {stop.reason}"


def _hours(seconds: float) -> str:
    return "never" if seconds == math.inf else f"{seconds / 3600:.1f} h"
