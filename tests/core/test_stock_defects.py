"""Defects of the stock and of gates, planted one by one: the random shop must find each of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cellctl.core import dispatch, lifecycle, quality, stock, storeroom, usage
from cellctl.core.quality import Way
from tests.prove.orders.stock import play

WITHIN_SEEDS = 100
_offer, _share, _use = stock._offer, usage._share, usage._use


def _without_margin(*given: Any) -> Any:
    offer = _offer(*given)
    return replace(offer, claim=replace(offer.claim, held=offer.claim.need))


def _twice(turn: Any, *given: Any) -> None:
    _use(turn, *given)
    _use(turn, *given)


def _nothing(*_: Any) -> None:
    return None


DEFECTS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "the margin is forgotten": (stock, "_offer", _without_margin),
    "what is missing is not looked at": (stock, "against", lambda *_: ()),
    "nothing is reserved": (stock, "claims", lambda *_: ()),
    "what was used is booked twice": (usage, "_use", _twice),
    "what was used is not booked": (usage, "_use", _nothing),
    "a reserved lot is carried away": (storeroom, "_in_use", _nothing),
    "every part passes its gate": (quality, "judge", lambda *_: Way.ON),
    "a part that did not pass goes on": (quality, "hold", _nothing),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, function, wrong = DEFECTS[name]
    monkeypatch.setattr(module, function, wrong)
    assert dispatch.stock is stock
    assert lifecycle.quality is quality
    assert any(play(range(seed, seed + 1))[2] for seed in range(WITHIN_SEEDS))
