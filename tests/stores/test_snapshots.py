"""A snapshot and what came after it are the whole log, for whatever cells random play leads to."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random  # noqa: TID251 - seeded

import pytest

from cellctl.app.clock import RealClock
from cellctl.app.log import Log
from cellctl.core.cell import Cell, apply, empty
from cellctl.core.history import History
from cellctl.domain import events as ev
from cellctl.domain.job import JobCommand
from cellctl.domain.machine import MachineCommand
from cellctl.domain.work import Plan, Station
from cellctl.stores import snapshots
from cellctl.stores.journal import Journal
from tests.core.played_cell import MACHINES, PLAN, PRODUCTS, PlayedCell
from tests.stores.test_journal import append

LOGS = 10
STEPS = 40


def step(played: PlayedCell, rng: Random) -> None:
    """Something happens; most often work goes on."""
    machine, order = rng.choice(MACHINES), f"order-{rng.randint(1, 6)}"
    match rng.randrange(12):
        case 0 | 1:
            played.order(rng.randrange(len(PRODUCTS)), rng.randint(1, 2), rng.randrange(3), release=rng.random() < 0.8)
        case 2:
            played.cancel(order)
        case 3:
            played.tell(order, rng.choice((JobCommand.START, JobCommand.PAUSE, JobCommand.RESUME, JobCommand.CLEAR)))
        case 4 if played.cell.prompts:
            played.answer(rng.choice(list(played.cell.prompts.values())), rng.randrange(3))
        case 5:
            played.command(machine, rng.choice((MachineCommand.HOLD, MachineCommand.UNHOLD)))
        case 6:
            played.die(moving=rng.random() < 0.5)
        case 7:
            played.lose(machine, tells=True, moving=rng.random() < 0.5)
        case 8 | 9:
            played.good_hour()
        case _:
            played.step(machine)
    played.settle()


def random_log(seed: int) -> list[ev.Record]:
    """What a cell has lived through, with times that grow."""
    rng, played = Random(seed), PlayedCell()
    played.good_hour()
    for _ in range(STEPS):
        step(played, rng)
    return [
        ev.Record(seq, f"2026-01-05T06:{seq // 60 % 60:02d}:{seq % 60:02d}.000Z", seq / 7, "played", event)
        for seq, event in enumerate(played.log, 1)
    ]


def folded(records: list[ev.Record], cell: Cell, history: History) -> Cell:
    for record in records:
        cell = apply(cell, record.event)
        history.learn(record)
    return cell


def check_snapshots(logs: int, cuts: int) -> int:
    """Snapshots at random records of random logs; how many were compared with the whole log."""
    rng = Random(1)
    for seed in range(logs):
        records = random_log(seed)
        known = History()
        whole = folded(records, empty(PLAN), known)
        for cut in rng.sample(range(len(records)), k=cuts):
            history = History()
            before = folded(records[:cut], empty(PLAN), history)
            text = snapshots.write(before, history.known())
            assert text, f"seed {seed}: the cell after record {cut} cannot be kept"
            cell, remembered = snapshots.read(text, PLAN)
            # The order of jobs decides who comes first.
            assert list(cell.jobs) == list(before.jobs)
            history = History(remembered)
            assert folded(records[cut:], cell, history) == whole, f"seed {seed}, record {cut}"
            assert history.known() == known.known(), f"seed {seed}, record {cut}"
    return logs * cuts


def test_a_snapshot_anywhere_and_its_tail_are_the_whole_log() -> None:
    assert check_snapshots(LOGS, 5) == 5 * LOGS


@pytest.fixture
def log_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Journal, list[ev.Record]]]:
    """A journal with a random log and a snapshot before its last ten records."""
    monkeypatch.setattr("cellctl.app.log.EVERY", 50)
    records = random_log(3)
    with Journal(tmp_path / "journal.sqlite", RealClock()) as journal:
        log, cell = Log(journal), empty(PLAN)
        append(journal, *records)
        for record in records[:-10]:
            cell = apply(cell, record.event)
            log.history.learn(record)
        log.note(cell)
        journal.writer.ask(lambda _: None)
        yield journal, records


def after_start(journal: Journal, plan: Plan = PLAN) -> tuple[Cell, int]:
    """The cell as the next daemon has it, and how many records it folded."""
    folded_seqs: list[int] = []
    read = journal.read

    def counting(after_seq: int = 0, name: str = "") -> Iterator[ev.Record]:
        for record in read(after_seq, name):
            folded_seqs.extend([] if name else [record.seq])
            yield record

    journal.read = counting  # type: ignore[method-assign]
    cell = Log(journal).replay(empty(plan))
    return cell, len(folded_seqs)


def test_a_start_folds_only_what_came_after_the_snapshot(log_on_disk: tuple[Journal, list[ev.Record]]) -> None:
    journal, records = log_on_disk
    assert after_start(journal) == (folded(records, empty(PLAN), History()), 10)


def test_a_snapshot_that_was_touched_is_left_aside(log_on_disk: tuple[Journal, list[ev.Record]]) -> None:
    journal, records = log_on_disk
    journal.writer.ask(
        lambda db: db.execute("UPDATE snapshots SET content = replace(content, 'printer-1', 'printer-9')")
    )
    assert after_start(journal) == (folded(records, empty(PLAN), History()), len(records))


def test_a_snapshot_of_another_code_or_cell_file_is_left_aside(
    log_on_disk: tuple[Journal, list[ev.Record]], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, records = log_on_disk
    other = replace(PLAN, stations={**PLAN.stations, "saw-1": Station("saw-1", "manual")})
    assert after_start(journal, other) == (folded(records, empty(other), History()), len(records))
    monkeypatch.setattr(snapshots, "_code", lambda: "another version")
    assert after_start(journal)[1] == len(records)


def test_what_would_not_come_back_the_same_is_not_kept() -> None:
    cell = empty(PLAN)
    broken = replace(cell, stations={"printer-1": replace(cell.stations["printer-1"], contact=b"found")})  # type: ignore[arg-type]
    assert snapshots.write(broken, History().known()) == ""


def test_a_long_fold_is_kept_on_the_way_so_that_the_next_start_goes_on_there(
    log_on_disk: tuple[Journal, list[ev.Record]], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, records = log_on_disk
    journal.writer.ask(lambda db: db.execute("DELETE FROM snapshots").rowcount)
    monkeypatch.setattr("cellctl.app.log.EVERY_AT_START", 60)
    whole = folded(records, empty(PLAN), History())
    assert after_start(journal) == (whole, len(records))
    assert after_start(journal) == (whole, len(records) % 60)
