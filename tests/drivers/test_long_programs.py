"""What a session keeps does not grow with its program. A million lines: `make prove-serial`; ten million through the
daemon: `make bench-serial`."""

import pytest

from tests.drivers.long_programs import FAMILIES, most_kept_bytes


@pytest.mark.parametrize("family", FAMILIES)
def test_a_program_ten_times_as_long_needs_no_more_memory(family: str) -> None:
    short, long = most_kept_bytes(family, 1_000), most_kept_bytes(family, 10_000)
    assert long < short + 2_000, (short, long)
    assert long < 50_000
