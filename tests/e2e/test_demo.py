"""The demo as a user starts it: a broker, simulated machines on real ports, the daemon, and an order book."""

import subprocess
import sys
from pathlib import Path

WORKSHOP = Path("examples/workshop")


def test_the_demo_makes_a_morning_of_the_workshop_with_a_change_over_and_an_order_that_is_called_off_at_once() -> None:
    command = [sys.executable, "-m", "cellctl_sim.demo", "--cell", str(WORKSHOP / "cell.toml")]
    book = ["--book", str(WORKSHOP / "morning.toml"), "--speed", "600"]
    ran = subprocess.run([*command, *book], capture_output=True, text=True, timeout=400, check=False)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    assert ran.stdout.endswith("the simulated world saw nothing that must never happen\n")
    assert "printer-1 asks: Change printer-1 over: material from pla-black to pla-white" in ran.stdout
