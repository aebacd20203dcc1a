"""A CNC machine behind OPC UA: job management (OPC 40001-3), Machine Tools monitoring (40501-1), a channel (40502).

One machine shown three ways, as the standards have it: whoever drives it by jobs sees the same run in the other two.
"""

import math
from collections.abc import Mapping, Sequence
from random import Random  # noqa: TID251 - seeded by the caller
from typing import Any, Final

from cellctl_sim.config import MachineToolTwin
from cellctl_sim.faults import Fault
from cellctl_sim.opcua.jobs import UNABLE_TO_ACCEPT, Job, JobList, JobResult, JobState
from cellctl_sim.opcua.shelf import (
    CNC,
    ISA95,
    JOBS,
    MACHINE_TOOL,
    MACHINERY,
    MACHINES,
    NodePath,
    Shelf,
    Variable,
    methods,
    variables,
)
from cellctl_sim.opcua.trouble import NodeKind
from cellctl_sim.opcua.twin import NodeTwin
from cellctl_sim.world import World

VENDOR: Final = "urn:cellctl:sim:cnc"

OUT_OF_SERVICE, NOT_EXECUTING, EXECUTING = 1, 2, 3  # MachineryItemState
SETUP, PROCESSING = 2, 3  # MachineryOperationMode
ACTIVE, INTERRUPTED, RESET = 0, 1, 2  # ChannelState, and ActStatus of 40502

_ITEM_TEXT: Final = {1: "OutOfService", 2: "NotExecuting", 3: "Executing"}
_MODE_TEXT: Final = {2: "Setup", 3: "Processing"}
# By the state of the last job: ProductionStateMachineType, its text, ActProgramStatus of 40502, the channel.
_SHOWS: Final[Mapping[JobState, tuple[int, str, int, int]]] = {
    JobState.RUNNING: (1, "Running", 1, ACTIVE),
    JobState.INTERRUPTED: (3, "Interrupted", 3, INTERRUPTED),
    JobState.ENDED: (2, "Ended", 0, RESET),
    JobState.ABORTED: (4, "Aborted", 4, RESET),
}
_RESTS: Final = (0, "Initializing", 0, RESET)
_LINES_PER_S: Final = 5.0


class MachineTool(NodeTwin):
    """One machine that cuts the part at `place`. Its program is one long cut."""

    def __init__(self, name: str, place: str, world: World, config: MachineToolTwin, rng: Random | None = None) -> None:
        super().__init__(name, machine_tool_shelf(name), rng or Random(name))  # noqa: S311 - repeatable
        self._place = place
        self._world = world
        self._takes_s = config.programs
        self._jobs = JobList(tuple(config.programs), config.most_jobs, config.keeps_ended)
        self._last: Job | None = None
        self._left_s = 0.0
        self._cutting = False

    def _present(self) -> Mapping[str, Any]:
        job = self._last
        number, text, act, channel = _SHOWS.get(job.state, _RESTS) if job else _RESTS
        program = job.program if job else ""
        item = OUT_OF_SERVICE if self._stopped() else EXECUTING if self._cutting else NOT_EXECUTING
        mode = SETUP if self._suffers(NodeKind.WRONG_MODE) else PROCESSING
        passed_s = self._takes_s[program] - self._left_s if job else 0.0
        return {
            "ItemState": _ITEM_TEXT[item],
            "ItemState/Number": item,
            "Mode": _MODE_TEXT[mode],
            "Mode/Number": mode,
            "JobOrderList": self._jobs.listed(),
            "JobOrderResponseList": self._jobs.responses(),
            "WorkMaster": [{"ID": each} for each in self._takes_s],
            "MaxDownloadableJobOrders": self._jobs.most,
            "OperationMode": 2 if mode == SETUP else 1,
            "ChannelState": channel,
            "ChannelMode": 2 if mode == SETUP else 0,
            "FeedOverride": 100.0,
            "Name": program,
            "State": text,
            "State/Number": number,
            "ActStatus": channel,
            "ActProgramStatus": act,
            "ActOperationMode": 0 if mode == SETUP else 2,
            "ActMainProgramName": program,
            "ActProgramLine": f"N{int(passed_s * _LINES_PER_S) * 10}",
            "FeedHold": channel == INTERRUPTED,
            "PartPresent": self._world.part_at(self._place) is not None,
        }

    def _act(self, method: str, arguments: Sequence[Any], *, refuse: bool) -> tuple[Any, ...]:
        if method == "RequestJobResponseByJobOrderID":
            return self._jobs.response_by_id(arguments[0])
        if refuse or (method in ("Resume", "StoreAndStart", "Start") and self._stopped()):
            return (UNABLE_TO_ACCEPT,)
        status = self._jobs.ask(method, arguments[0])
        self._follow()
        return (status,)

    def _due_s(self) -> float:
        return self._now_s + self._left_s if self._cutting else math.inf

    def _live(self, now_s: float) -> None:
        job = self._jobs.running()
        if job is None or not self._cutting:
            return
        self._left_s -= now_s - self._now_s
        if self._left_s <= 1e-9:
            self._left_s = 0.0
            self._jobs.end(job, JobResult.SUCCESSFUL)
            self._now_s = now_s
            self._follow()

    def _follow(self) -> None:
        """Do what the list says: begin, go on, stand still."""
        job = self._jobs.running()
        if job is None and not self._stopped():
            job = self._jobs.begin_next()
            if job:
                self._last, self._left_s = job, self._takes_s[job.program]
        cutting = job is not None and job.state is JobState.RUNNING
        if cutting == self._cutting:
            return
        self._cutting = cutting
        self._world.set_spindle(self.name, cutting, self._now_s)
        self._world.set_moving(self.name, cutting, self._now_s)
        if cutting and job:
            self._world.cut(self.name, self._place, f"cut {job.program}", self._now_s)

    def _stopped(self) -> bool:
        stops = (NodeKind.STOP_CHAIN, NodeKind.PROTECTIVE_STOP, NodeKind.WRONG_MODE)
        return any(map(self._suffers, stops))

    def _begin(self, fault: Fault) -> None:
        job = self._jobs.running()
        if job is None:
            return
        if fault.kind in (NodeKind.STOP_CHAIN, NodeKind.ALARM):
            self._jobs.end(job, JobResult.UNSUCCESSFUL)
        elif fault.kind in (NodeKind.PROTECTIVE_STOP, NodeKind.WRONG_MODE):
            self._jobs.ask("Pause", job.id)
        self._follow()

    def _reboot(self) -> None:
        self._jobs.jobs.clear()
        self._last, self._left_s = None, 0.0
        self._follow()


_ORDER: Final = ("JobOrder: ISA95JobOrderDataType, Comment: LocalizedText[]", "ReturnStatus: UInt64")
_BY_ID: Final = ("JobOrderID: String, Comment: LocalizedText[]", "ReturnStatus: UInt64")
_METHODS: Final = {
    **dict.fromkeys(("Store", "StoreAndStart", "Update"), _ORDER),
    **dict.fromkeys(("Start", "RevokeStart", "Pause", "Resume", "Stop", "Abort", "Cancel", "Clear"), _BY_ID),
}
_RESPONSE: Final = {
    "RequestJobResponseByJobOrderID": (
        "JobOrderID: String",
        "JobResponse: ISA95JobResponseDataType, ReturnStatus: UInt64",
    )
}


def machine_tool_shelf(name: str) -> Shelf:
    """Where everything is: below Objects/Machines, and the channel's interface below Objects."""
    machine = (*MACHINES, f"{VENDOR};{name}")
    blocks = (*machine, f"{MACHINERY};MachineryBuildingBlocks")
    item, mode = (*blocks, f"{MACHINERY};MachineryItemState"), (*blocks, f"{MACHINERY};MachineryOperationMode")
    management = (*blocks, f"{JOBS};JobManagement")
    control, results = (*management, f"{JOBS};JobOrderControl"), (*management, f"{JOBS};JobOrderResults")
    monitoring = (*machine, f"{MACHINE_TOOL};Monitoring")
    tool, channel = (*monitoring, f"{MACHINE_TOOL};MachineTool"), (*monitoring, f"{VENDOR};Channel1")
    production = (*machine, f"{MACHINE_TOOL};Production", f"{MACHINE_TOOL};ActiveProgram")
    interface = (f"{VENDOR};CncInterface",)
    cnc = (*interface, f"{CNC};CncChannelList", f"{VENDOR};Channel1")
    shown = {
        **_state("ItemState", (*item, "CurrentState")),
        **_state("Mode", (*mode, "CurrentState")),
        **dict(variables(control, ISA95, "JobOrderList: ISA95JobOrderAndStateDataType[]")),
        **dict(variables(control, ISA95, "WorkMaster: ISA95WorkMasterDataType[]", "MaxDownloadableJobOrders: UInt16")),
        **dict(variables(results, ISA95, "JobOrderResponseList: ISA95JobResponseDataType[]")),
        **dict(variables(tool, MACHINE_TOOL, "OperationMode: Int32")),
        **dict(variables(channel, MACHINE_TOOL, "ChannelState: Int32", "ChannelMode: Int32", "FeedOverride: Double")),
        **dict(variables(production, MACHINE_TOOL, "Name: String")),
        **_state("State", (*production, f"{MACHINE_TOOL};State", "CurrentState")),
        **dict(variables(cnc, CNC, "ActStatus: Int32", "ActProgramStatus: Int32", "ActOperationMode: Int32")),
        **dict(variables(cnc, CNC, "ActMainProgramName: String", "ActProgramLine: String", "FeedHold: Boolean")),
        **dict(variables(machine, VENDOR, "PartPresent: Boolean")),
    }
    called = {**dict(methods(control, ISA95, _METHODS)), **dict(methods(results, ISA95, _RESPONSE))}
    objects: dict[NodePath, str] = {
        machine: f"{MACHINE_TOOL};i=13",
        item: f"{MACHINERY};i=1002",
        mode: f"{MACHINERY};i=1008",
        management: f"{JOBS};i=1003",
        control: f"{ISA95};i=1002",
        results: f"{ISA95};i=1003",
        channel: f"{MACHINE_TOOL};i=16",
        interface: f"{CNC};i=1007",
        cnc: f"{CNC};i=1002",
    }
    return Shelf(VENDOR, shown, called, {MACHINES: f"{MACHINERY};i=1001"}, objects, {})


def _state(short: str, current: NodePath) -> dict[str, Variable]:
    return {short: Variable(current, "LocalizedText"), f"{short}/Number": Variable((*current, "Number"), "UInt32")}
