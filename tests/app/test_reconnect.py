"""How soon a supervisor meets a machine again."""

import asyncio
from pathlib import Path

from cellctl.app.clock import VirtualClock
from cellctl.app.config import MachineConfig
from cellctl.app.supervisor import LONGEST_WAIT_S, Supervisor
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.events import ContactFound, ContactLost, Fact
from cellctl.links.memory import MemoryLinks
from cellctl.ports import Tools
from cellctl.stores.files import MemoryFiles
from cellctl_drivers.grbl.driver import FAMILY
from cellctl_sim.cell import simulate

CELL = Path(__file__).parents[2] / "examples" / "nameplate" / "cell.toml"


def test_a_machine_that_was_away_for_a_quarter_of_an_hour_is_back_within_two_seconds() -> None:
    async def main() -> None:
        clock = VirtualClock()
        facts: asyncio.Queue[Fact] = asyncio.Queue()
        links = MemoryLinks(simulate(CELL, {}, seed=1), clock)
        links.start()
        tools = Tools(clock, links, MemoryFiles(), facts.put_nowait)
        options = FAMILY.options(port="cell/router-1")
        supervisor = Supervisor("router-1", MachineConfig(FAMILY, options), tools)

        async def until(kind: type[Fact]) -> float:
            while not isinstance(await facts.get(), kind):
                pass
            return clock.now_s()

        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(supervisor.run())
            await until(ContactFound)
            links.cut("router-1")
            await until(ContactLost)
            await clock.sleep(900.0)
            lost_s = [await until(ContactLost) for _ in range(2)]
            assert lost_s[1] - lost_s[0] <= LONGEST_WAIT_S
            mended_s = clock.now_s()
            links.mend("router-1")
            assert await until(ContactFound) - mended_s < 2.0
            running.cancel()
        links.close()

    run_virtual(main())
