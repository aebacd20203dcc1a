"""The keys of an OPC UA machine in the cell file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from cellctl.domain.work import Plan
from cellctl.ports.nodes import NodeAccess

from .library import profile_for
from .naming import Naming
from .profile import Profile

Seconds = Annotated[float, Field(gt=0)]
Plain = StrictBool | StrictInt | StrictFloat | StrictStr
ProgramName = StrictInt | StrictStr


class OpcuaOptions(BaseModel):
    """How to reach a machine, which profile it has, and what its programs are called.

    `parameters` fill in the profile; `without` names the optional signals that this machine does not have. `carry` is
    the name of the program that carries from place to place, `carries` has those that are called otherwise. `programs`
    gives other names, or numbers, to what a product's route calls a program. Times are seconds: `call_timeout_s` and
    `publish_ms` on the wire, the others of the machine's clock.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^opc\.tcp://[^/]+")
    insecure: bool = False
    policy: str = "Basic256Sha256"
    user: str = ""
    password_file: str = ""
    profile: str
    parameters: dict[str, Plain] = {}
    without: tuple[str, ...] = ()
    carry: str = "carry:{source}>{target}"
    carries: dict[str, ProgramName] = {}
    programs: dict[str, ProgramName] = {}
    call_timeout_s: Seconds = 3.0
    publish_ms: Annotated[float, Field(gt=0)] = 100.0
    carry_timeout_s: Seconds = 300.0
    work_timeout_s: Seconds = 86400.0

    @property
    def access(self) -> NodeAccess:
        """How to get into its server."""
        keys = ("url", "insecure", "policy", "user", "password_file", "call_timeout_s", "publish_ms")
        return NodeAccess(**{key: getattr(self, key) for key in keys})

    def beside(self, machine: str, folder: Path, where: str) -> "OpcuaMachine":
        """These options with the profile that they name. Raises ConfigError with every mistake in it."""
        profile = profile_for(machine, self.profile, self.parameters, self.without, folder, where)
        return OpcuaMachine(self, profile, Naming(machine, self.carry, self.carries, self.programs))


@dataclass(frozen=True, slots=True)
class OpcuaMachine:
    """One machine as its cell file and its profile describe it."""

    options: OpcuaOptions
    profile: Profile
    naming: Naming

    def against(self, machine: str, plan: Plan) -> Iterator[str]:
        """Every mistake that only the whole cell shows."""
        station = plan.station(machine)
        for key, names in (("capabilities", station.capabilities), ("reach", station.reach)):
            if self.profile.reading and names:
                yield f"{key}: a machine with the profile {self.profile.name} takes no work; found {names!r}"
        places = {place for each in plan.stations.values() for place in each.places}
        places |= {place for each in plan.carriers.values() for place in each.places}
        for carry in self.options.carries:
            ends: list[Any] = carry.split(">")
            if len(ends) != 2 or not set(ends) <= places:
                yield f'carries: must be "place>place" with places of this cell; found {carry!r}'
