"""Material balance, starts and gates under whatever happens: acts as data, so that a failing run shrinks."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.stock_yard import ACTS, StockYard

ONE = st.tuples(st.sampled_from(ACTS), st.integers(0, 99))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(ONE, min_size=10, max_size=60))
def test_material_is_balanced_no_start_is_short_and_no_gate_is_passed_without_a_result(
    acts: list[tuple[str, int]],
) -> None:
    StockYard().play(acts)
