"""[changeover] of the cell file: the set-up matrix, line by line; the first line that matches counts."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cellctl.domain.work import Changeovers, ChangeRule

Minutes = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class RuleTable(_Strict):
    """One line. The four patterns are names with * and ?; `program` is one that the machine itself has been taught."""

    dimension: str = "*"
    station: str = "*"
    source: str = Field(default="*", alias="from")
    target: str = Field(default="*", alias="to")
    minutes: Minutes | None = None
    forbidden: bool = False
    program: str = ""

    @model_validator(mode="after")
    def _one_of_two(self) -> "RuleTable":
        if (self.minutes is None) is not self.forbidden:
            raise ValueError("a rule has either minutes or forbidden = true")
        return self

    def rule(self) -> ChangeRule:
        """As the cell knows it."""
        takes_s = None if self.minutes is None else self.minutes * 60
        return ChangeRule(takes_s, self.dimension, self.station, self.source, self.target, self.program)


class ChangeoverTable(_Strict):
    """[changeover]. `minutes` counts where no rule matches; with `forbid_others` what no rule allows is not done."""

    minutes: Minutes = 5.0
    forbid_others: bool = False
    parallel: bool = False
    rules: tuple[RuleTable, ...] = ()

    def changeovers(self) -> Changeovers:
        """As the cell knows it."""
        default_s = None if self.forbid_others else self.minutes * 60
        return Changeovers(tuple(each.rule() for each in self.rules), default_s, self.parallel)
