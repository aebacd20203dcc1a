"""The hand-over, model-checked: no order of lost, late and doubled signals, and no crash, lets two into one space."""

from dataclasses import replace

import pytest

from cellctl.core import custody
from cellctl.core.custody import Shown, Told
from cellctl.domain.transfer import OVER, Transfer
from tests.core.handover_model import Bounds, Protocol, explore

SMALL = [
    Bounds(crashes=0, gives_up=0, drops=1, runs=1),
    Bounds(crashes=0, gives_up=1, drops=0, runs=0),
    Bounds(crashes=1, gives_up=0, drops=0, runs=0),
    Bounds(crashes=1, gives_up=0, drops=0, runs=0, loading=True),
    Bounds(crashes=0, gives_up=0, drops=0, runs=1, sensors=False),
]


@pytest.mark.parametrize("bounds", SMALL, ids=str)
def test_never_may_the_robot_enter_while_the_machine_may_start_nor_is_custody_lost_or_doubled(bounds: Bounds) -> None:
    explored = explore(bounds=bounds)
    assert explored.broken == "", "\n".join(explored.trace)
    assert explored.phases >= OVER


def without_inhibit(transfer: Transfer, giver: Shown, taker: Shown, token: int) -> Transfer:
    return custody.advance(transfer, replace(giver, token=token), replace(taker, token=token), token)


def one_word_is_enough(transfer: Transfer, giver: Shown, taker: Shown, token: int) -> Transfer:
    return custody.advance(transfer, replace(giver, has_part=None), taker, token)


def gave_up_under_a_permit(transfer: Transfer, token: int) -> Transfer:
    return custody.withdraw(transfer, custody.STOPPED, token)


def same_token_again(transfer: Transfer, why: str, token: int) -> Transfer:
    return custody.dispute(transfer, why, transfer.permit.token if transfer.permit else token)


def still_permitted(transfer: Transfer, idle: Told) -> tuple[Told, Told]:
    machine, arm = custody.tell(transfer, idle)
    return replace(machine, permitted=idle.permitted), arm


PLANTED = {
    "no fence": (Protocol(obey=lambda known, told: told), Bounds(0, 1, 0, 1)),
    "an overtaken signal counts": (Protocol(heard=lambda before, shown: shown), Bounds(0, 0, 0, 1)),
    "nobody waits for the machine to know": (Protocol(advance=without_inhibit), Bounds(0, 0, 0, 1)),
    "after a crash a permit is given up": (Protocol(restarted=gave_up_under_a_permit), Bounds(1, 0, 0, 0)),
    "a revoked permit keeps its token": (Protocol(dispute=same_token_again), Bounds(0, 1, 0, 0)),
    "the machine keeps its right to start": (Protocol(tell=still_permitted), Bounds(0, 0, 0, 1)),
    "a person is believed before the arm knows": (
        Protocol(answerable=lambda transfer, mover: True),
        Bounds(0, 1, 0, 0),
    ),
    "one word moves custody": (Protocol(advance=one_word_is_enough), Bounds(0, 0, 1, 0)),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_of_the_protocol_is_found(name: str) -> None:
    protocol, bounds = PLANTED[name]
    assert explore(protocol, bounds, most=300_000).broken
