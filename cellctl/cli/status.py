"""`cellctl status`: what a person must do comes first, then the machines, then the jobs."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cellctl.cli.parser import MACHINE_VERBS
from cellctl.cli.screen import Screen, printable

Json = Mapping[str, Any]

# What brings a machine back, in order, when it stands in one of these states.
WAY_BACK = {"HELD": ("resume",), "ABORTED": ("clear", "reset"), "STOPPED": ("reset",)}
OVER = ("ENDED", "ABORTED")
DOUBTFUL = ("presumed", "unknown")


class Task(NamedTuple):
    """Something for a person: what it is about, and the commands to choose from or to give in turn.

    What moves comes first: a question sends people to a machine.
    """

    text: str
    commands: tuple[str, ...] = ()
    first: bool = False


def status_lines(status: Json, screen: Screen, every_job: bool = False) -> list[str]:
    """The whole page."""
    head = f"{status['cell']}: orders {_counted(status['orders']) or 'none'}"
    return [
        screen.paint(printable(head), "bold") + screen.paint(f"  (cellctl {status['version']})", "dim"),
        "",
        *_to_do(status, screen),
        "",
        screen.paint("Machines", "bold"),
        *machine_lines(status, screen, indent=2),
        *_carrier_lines(status.get("carriers", ()), screen),
        *_handover_lines(status["transfers"], screen),
        "",
        screen.paint("Jobs", "bold"),
        *_job_lines(status["jobs"], screen, every_job),
    ]


def task_lines(tasks: Sequence[Task], screen: Screen) -> list[str]:
    """Each led by a mark; its commands below it, ready to be copied."""
    lines = []
    for task in tasks:
        first, *others = screen.wrapped(printable(task.text), 4)
        lines.append(f"  {screen.paint('!', 'yellow')} {first}")
        lines += [f"    {other}" for other in others]
        lines += [f"      {screen.paint(command, 'bold')}" for command in task.commands]
    return lines


def prompt_task(prompt: Json, screen: Screen) -> Task:
    """An open question, with one command for every answer."""
    about = f" about {prompt['serial']}" if prompt["serial"] else ""
    answer = f"{screen.me} prompt answer {shlex.quote(prompt['id'])}"
    commands = tuple(f"{answer} {shlex.quote(printable(choice))}" for choice in prompt["choices"])
    late = f" ({prompt['reminders']} reminders)" if prompt["reminders"] else ""
    return Task(f"{prompt['station']} asks{about}{late}: {prompt['text']}", commands)


def machine_lines(status: Json, screen: Screen, indent: int = 0) -> list[str]:
    """The machines as a table."""
    serials = {job["id"]: job["serial"] for job in status["jobs"]}
    rows = [_machine_row(machine, serials) for machine in status["machines"]]
    return screen.table(("NAME", "STATE", "CONTACT", "LINES", "DOES"), rows, indent)


def _handover_lines(transfers: Sequence[Json], screen: Screen) -> Iterator[str]:
    """Who reaches where, and how far they are; nothing where nobody does."""
    if not transfers:
        return
    yield from ("", screen.paint("Hand-overs", "bold"))
    for transfer in transfers:
        first, *others = screen.wrapped(printable(f"{transfer['says']} ({transfer['operation_id']})"), 4)
        yield from (f"  {first}", *(f"    {other}" for other in others))


def _counted(things: Iterable[Json]) -> str:
    counts = Counter(thing["state"].lower() for thing in things)
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def _to_do(status: Json, screen: Screen) -> list[str]:
    tasks = [*(prompt_task(prompt, screen) for prompt in status["prompts"]), *_trouble(status, screen)]
    tasks.sort(key=lambda task: not task.first)
    if not tasks:
        return [screen.paint("Nothing for a person to do.", "green")]
    return [screen.paint("To do", "bold"), *task_lines(tasks, screen)]


def _trouble(status: Json, screen: Screen) -> Iterator[Task]:
    machines = {machine["name"]: machine for machine in status["machines"]}
    if status["mode"] != "running":
        yield Task(f"the whole cell is {status['mode']}", (f"{screen.me} cell continue",))
    alarmed = {alarm: machines.get(alarm.partition(" ")[0]) for alarm in status["alarms"]}
    helped: set[str] = set()
    for alarm, machine in alarmed.items():
        if machine is None or machine["name"] in helped:
            yield Task(alarm)
            continue
        # Of two alarms of one machine, the commands belong to the first.
        helped.add(machine["name"])
        yield Task(alarm, _way_back(machine, screen), first=machine["unasked"])
    for machine in machines.values():
        commands = _way_back(machine, screen)
        if commands and machine not in alarmed.values():
            because = f": {machine['reason']}" if machine["reason"] else ""
            yield Task(f"{machine['name']} is {machine['state']}{because}", commands)
    # A program that fits no machine waits for a person, not for a machine.
    for order, why in {job["order_id"]: job["why"] for job in status["jobs"] if _fits_nowhere(job)}.items():
        yield Task(f"{order} fits no machine: {why}", (f"{screen.me} order cancel {shlex.quote(order)}",))
    reasons = dict.fromkeys(machine["locked"] for machine in machines.values() if machine["locked"])
    for reason in reasons:
        names = ", ".join(name for name, machine in machines.items() if machine["locked"] == reason)
        yield Task(f"{names}: locked because {reason}; answer its question")


def _fits_nowhere(job: Json) -> bool:
    return set(job["reasons"]) == {"preflight"}


def _way_back(machine: Json, screen: Screen) -> tuple[str, ...]:
    """What to type, in order. Nothing for a locked machine, whose question comes first, unless it is at work."""
    name = shlex.quote(machine["name"])
    if machine["unasked"]:
        # Let it end by itself, or take it in hand: each command says what it is for.
        choices = ("resume" if machine["state"] == "HELD" else "hold", "halt", "clear", "reset")
        return tuple(f"{screen.me} machine {verb} {name}  # {MACHINE_VERBS[verb]}" for verb in choices)
    verbs = () if machine["locked"] else WAY_BACK.get(machine["state"], ())
    return tuple(f"{screen.me} machine {verb} {name}" for verb in verbs)


def _machine_row(machine: Json, serials: Mapping[str, str]) -> tuple[object, ...]:
    serial = serials.get(machine["job_id"], "")
    does = f"{machine['step']} {serial}".strip() or machine["reason"]
    if not machine["preflight"]:
        does = f"{does} (pre-flight check off)".strip()
    return machine["name"], machine["state"] or "-", machine["contact"], _lines(machine), does


def _lines(machine: Json) -> str:
    done, total = machine["progress"]["acknowledged"], machine["progress"]["total"]
    of_s = machine["estimated_s"]
    takes = f" of {max(1, round(of_s / 60))} min" if of_s else ""
    return f"{done}/{total} {100 * done // total:3d} %{takes}" if total else ""


def _carrier_lines(carriers: Sequence[Json], screen: Screen) -> list[str]:
    """Plates and pallets with what is on them; nothing in a cell that has none."""
    if not carriers:
        return []
    rows = [(each["name"], _place(each), _load(each), each["why"]) for each in carriers]
    headers = ("NAME", "PLACE", "CARRIES", "DOES, OR WAITS FOR")
    return ["", screen.paint("Carriers", "bold"), *screen.table(headers, rows, 2)]


def _load(carrier: Json) -> str:
    on_it = ", ".join(f"{slot}: {serial}" for slot, serial in carrier["parts"].items())
    return on_it or f"nothing, {len(carrier['slots'])} free"


def _job_lines(jobs: Sequence[Json], screen: Screen, every_job: bool) -> list[str]:
    shown = [job for job in jobs if every_job or job["state"] not in OVER]
    lines = ["  none in work"]
    if shown:
        headers = ("PART", "ORDER", "STATE", "PLACE", "DOES, OR WAITS FOR")
        lines = screen.table(headers, [_job_row(job) for job in shown])
    if len(shown) < len(jobs):
        over = _counted(job for job in jobs if job not in shown)
        lines.append(screen.paint(f"  and {over}: {screen.me} status --all", "dim"))
    return lines


def _job_row(job: Json) -> tuple[object, ...]:
    return job["serial"], job["order_id"], job["state"].replace("_", " ").lower(), _place(job), job["why"]


def _place(job: Json) -> str:
    doubt = f" ({job['knowledge']})" if job["knowledge"] in DOUBTFUL else ""
    return f"{job['place'] or '-'}{doubt}"
