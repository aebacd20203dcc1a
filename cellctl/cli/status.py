"""`cellctl status`: what a person must do comes first, then the machines, then the jobs."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cellctl.cli.screen import Screen, printable

Json = Mapping[str, Any]

# What brings a machine back, in order, when it stands in one of these states.
WAY_BACK = {"HELD": ("resume",), "ABORTED": ("clear", "reset"), "STOPPED": ("reset",)}
OVER = ("ENDED", "ABORTED")
DOUBTFUL = ("presumed", "unknown")


@dataclass(frozen=True, slots=True)
class Task:
    """Something for a person: what it is about, and the commands to choose from or to give in turn."""

    text: str
    commands: tuple[str, ...] = ()


def status_lines(status: Json, screen: Screen, every_job: bool = False) -> list[str]:
    """The whole page."""
    head = f"{status['cell']}: {_counted(status['orders'])}"
    lines = [screen.paint(printable(head), "bold"), "", *task_lines(list(_tasks(status)), screen)]
    lines += ["", screen.paint("Machines", "bold"), *machine_lines(status, screen)]
    jobs = [job for job in status["jobs"] if every_job or job["state"] not in OVER]
    lines += ["", screen.paint("Jobs", "bold"), *(_job_lines(jobs, screen) if jobs else ["  none in work"])]
    over = Counter(job["state"].lower() for job in status["jobs"] if job not in jobs)
    if over:
        counts = ", ".join(f"{count} {state}" for state, count in over.items())
        lines.append(screen.paint(f"  and {counts}: cellctl status --all", "dim"))
    return lines


def task_lines(tasks: Sequence[Task], screen: Screen) -> list[str]:
    """Numbered by nothing, led by a mark; commands below, ready to be copied."""
    if not tasks:
        return [screen.paint("Nothing for a person to do.", "green")]
    lines = [screen.paint("To do", "bold")]
    for task in tasks:
        first, *others = screen.wrapped(printable(task.text), 4)
        lines.append(f"  {screen.paint('!', 'yellow')} {first}")
        lines += [f"    {other}" for other in others]
        lines += [f"      {screen.paint(command, 'bold')}" for command in task.commands]
    return lines


def prompt_task(prompt: Json) -> Task:
    """An open question, with one command for every answer."""
    about = f" about {prompt['serial']}" if prompt["serial"] else ""
    answer = f"cellctl prompt answer {shlex.quote(prompt['id'])}"
    commands = tuple(f"{answer} {shlex.quote(printable(choice))}" for choice in prompt["choices"])
    return Task(f"{prompt['station']} asks{about}: {prompt['text']}", commands)


def machine_lines(status: Json, screen: Screen) -> list[str]:
    """The machines as a table."""
    serials = {job["id"]: job["serial"] for job in status["jobs"]}
    rows = [_machine_row(machine, serials) for machine in status["machines"]]
    return screen.table(("NAME", "STATE", "CONTACT", "LINES", "DOES"), rows)


def _counted(orders: Sequence[Json]) -> str:
    if not orders:
        return "no orders"
    counts = Counter(order["state"] for order in orders)
    return "orders " + ", ".join(f"{count} {state}" for state, count in counts.items())


def _tasks(status: Json) -> Iterator[Task]:
    for prompt in status["prompts"]:
        yield prompt_task(prompt)
    machines = {machine["name"]: machine for machine in status["machines"]}
    told = set()
    for alarm in status["alarms"]:
        machine = machines.get(alarm.partition(" ")[0])
        told.add(machine["name"] if machine else "")
        yield Task(alarm, _way_back(machine) if machine else ())
    for name, machine in machines.items():
        if machine["state"] in WAY_BACK and name not in told:
            yield Task(f"{name} is {machine['state']}", _way_back(machine))
        if machine["locked"]:
            yield Task(f"{name} is locked: {machine['locked']}")


def _way_back(machine: Json) -> tuple[str, ...]:
    verbs = WAY_BACK.get(machine["state"], ())
    return tuple(f"cellctl machine {verb} {shlex.quote(machine['name'])}" for verb in verbs)


def _machine_row(machine: Json, serials: Mapping[str, str]) -> tuple[object, ...]:
    serial = serials.get(machine["job_id"], "")
    does = f"{machine['step']} {serial}".strip() or machine["reason"]
    return machine["name"], machine["state"] or "-", machine["contact"], _lines(machine["progress"]), does


def _lines(progress: Json) -> str:
    done, total = progress["acknowledged"], progress["total"]
    return f"{done}/{total} {100 * done // total:3d} %" if total else ""


def _job_lines(jobs: Sequence[Json], screen: Screen) -> list[str]:
    rows = [
        (job["serial"], job["order_id"], job["state"].replace("_", " ").lower(), _place(job), job["why"])
        for job in jobs
    ]
    return screen.table(("PART", "ORDER", "STATE", "PLACE", ""), rows)


def _place(job: Json) -> str:
    doubt = f" ({job['knowledge']})" if job["knowledge"] in DOUBTFUL else ""
    return f"{job['place'] or '-'}{doubt}"
