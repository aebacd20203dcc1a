"""Clocks and ids: real, faster than real, virtual."""

import asyncio
import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from cellctl.app.clock import RealClock, RealIds, SeededIds, VirtualClock
from cellctl.app.virtual_time import run_virtual
from cellctl.ports import Clock, Ids

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def present() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the real clock is what is tested here


def test_the_clocks_and_ids_fit_their_ports() -> None:
    clocks: list[Clock] = [RealClock(), RealClock(60.0), VirtualClock()]
    ids: list[Ids] = [RealIds(), SeededIds(1)]
    assert [clock.speed for clock in clocks] == [1.0, 60.0, 1.0]
    assert all(uuid.UUID(each.new()).version == 4 for each in ids)


def test_a_real_clock_is_the_loops_time_and_the_computers_date() -> None:
    async def main() -> None:
        clock = RealClock()
        before_s = asyncio.get_running_loop().time()
        assert before_s <= clock.now_s() <= asyncio.get_running_loop().time()
        assert ISO.fullmatch(clock.utc())
        assert abs(datetime.fromisoformat(clock.utc()) - present()) < timedelta(seconds=5)

    asyncio.run(main())


def test_a_fast_clock_lives_many_seconds_in_one_and_its_date_runs_along() -> None:
    async def main() -> None:
        clock = RealClock(speed=1000)
        began_s, began_at = clock.now_s(), datetime.fromisoformat(clock.utc())
        assert abs(began_at - present()) < timedelta(hours=1)
        await clock.sleep(10)
        lived_s = clock.now_s() - began_s
        lived = datetime.fromisoformat(clock.utc()) - began_at
        assert lived_s >= 10
        assert abs(lived.total_seconds() - lived_s) < 1000  # one real second, for a busy computer

    asyncio.run(main())


def test_a_limit_for_real_wires_grows_with_the_speed_but_never_shrinks() -> None:
    assert RealClock(60.0).wire_s(2.0) == 120.0
    assert RealClock(0.5).wire_s(2.0) == 2.0
    assert VirtualClock().wire_s(2.0) == 2.0


def test_a_clock_that_stands_still_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        RealClock(0.0)


def test_a_virtual_clock_counts_from_its_epoch() -> None:
    async def main() -> None:
        clock = VirtualClock()
        assert (clock.now_s(), clock.utc()) == (0.0, "2026-01-05T06:00:00.000Z")
        await clock.sleep(90_061.5)
        assert (clock.now_s(), clock.utc()) == (90_061.5, "2026-01-06T07:01:01.500Z")
        assert VirtualClock("2030-01-01T00:00:00.000Z").utc() == "2030-01-02T01:01:01.500Z"

    run_virtual(main())


def test_seeded_ids_repeat_with_the_seed_and_only_with_the_seed() -> None:
    first, again, other = SeededIds(1), SeededIds(1), SeededIds(2)
    names = [first.new() for _ in range(100)]
    assert names == [again.new() for _ in range(100)]
    assert len({*names, *(other.new() for _ in range(100))}) == 200


def test_real_ids_never_repeat() -> None:
    ids = RealIds()
    assert len({ids.new() for _ in range(1000)}) == 1000
