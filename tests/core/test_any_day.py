"""The brain against random cells."""

from .any_day import AnyDay

TestAnyDay = AnyDay.TestCase
