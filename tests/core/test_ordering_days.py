"""The brain against random cells with orders that are told to stop, wait and change."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from cellctl.domain.job import ORDER_COMMANDS, JobCommand

from .any_day import AnyDay, picks, products


class OrderingDay(AnyDay):
    """The same, with orders that are stored, changed, paused, resumed, stopped, aborted and cleared."""

    @precondition(lambda self: self.played.open_jobs < 2)
    @rule(product=products, quantity=st.integers(1, 2))
    def store(self, product: int, quantity: int) -> None:
        self.played.order(product, quantity, 0, release=False)
        self.played.settle()

    @rule(number=st.integers(1, 3), command=st.sampled_from((*ORDER_COMMANDS, JobCommand.CANCEL)))
    def tell(self, number: int, command: JobCommand) -> None:
        self.played.tell(f"order-{number}", command)

    @precondition(lambda self: self.played.running_orders())
    @rule(which=picks, command=st.sampled_from((JobCommand.PAUSE, JobCommand.STOP, JobCommand.ABORT)))
    def interrupt(self, which: int, command: JobCommand) -> None:
        running = self.played.running_orders()
        for order_id in running[which % len(running)]:
            self.played.tell(order_id, command)
        self.played.settle()
        self.played.check_that_what_was_told_is_obeyed()

    @precondition(lambda self: self.played.open_jobs < 3)
    @rule(number=st.integers(1, 3), quantity=st.integers(1, 2))
    def change(self, number: int, quantity: int) -> None:
        self.played.change(f"order-{number}", quantity)


OrderingDay.TestCase.settings = AnyDay.TestCase.settings
TestOrderingDay = OrderingDay.TestCase
