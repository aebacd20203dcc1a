"""Power cuts, a small count of what `make prove-orders` does ten thousand times; and that the rig would see a loss."""

from random import Random  # noqa: TID251 - seeded

from tests.stores.power import PIECE, Disk, File
from tests.stores.power_cuts import battery

CUTS = 200


def test_no_power_cut_loses_what_was_acknowledged_or_spoils_the_file() -> None:
    found = battery(CUTS)
    assert (found.lost, found.unsound) == (0, 0), found.told
    assert (found.cuts >= CUTS, found.acknowledged > CUTS, found.checkpoints > 5) == (True, True, True)


def test_with_fewer_syncs_the_rig_sees_that_something_is_lost() -> None:
    assert battery(60, "NORMAL").lost > 0
    assert battery(60, "OFF").unsound > 0


def test_what_was_not_synced_is_there_or_not_piece_by_piece() -> None:
    ends = set()
    for seed in range(40):
        file = File()
        file.write(0, b"a" * 3 * PIECE)
        file.sync()
        file.write(0, b"b" * 3 * PIECE)
        file.cut(Random(seed))
        ends.add(bytes(file.live[::PIECE]))
    assert {b"aaa", b"bbb", b"bab", b"aab"} <= ends


def test_without_power_nothing_is_written() -> None:
    disk = Disk(1)
    disk.steps = 1
    disk.step()
    assert disk.dead
    disk.reboot()
    assert not disk.dead
