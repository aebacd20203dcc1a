"""OPC 40001-3 (Machinery Job Management)."""

from typing import Final

from cellctl.faces.opcua.types.table import (
    Argument,
    Enumeration,
    M,
    Method,
    Model,
    Object,
    ObjectType,
    Variable,
    prop,
)

MODEL: Final = Model("jobs", "1.0.1", "2024-05-01T00:00:00Z", metadata=(5011, 6029, 6030, 6031, 6032), types=(
    Enumeration(3003, "JobExecutionMode", 6014, {0: "SimulationMode", 1: "TestMode", 2: "ProductionMode"}),
    Enumeration(3006, "JobResult", 6019, {0: "Unknown", 1: "Successful", 2: "Unsuccessful"}),
    Enumeration(3004, "ProcessIrregularity", 6036, {0: "CapabilityUnavailable", 1: "Detected",
        2: "NotDetected", 3: "NotYetDetermined"}),
    ObjectType(1003, "JobManagementType", "ua:58", members=(
        prop(6013, "ua:DefaultInstanceBrowseName", "QualifiedName", value="jobs:JobManagement"),
        Object(5001, "JobOrderControl", "isa95:1002", M, members=(
            Variable(6009, "ua:CurrentState", "LocalizedText", M, of="ua:2760", members=(
                prop(6010, "ua:Id", "NodeId", M),
            )),
            Variable(6001, "isa95:EquipmentID", "String", M, rank=1),
            Variable(6002, "isa95:JobOrderList", "isa95:3015", M, rank=1),
            Variable(6003, "isa95:MaterialClassID", "String", M, rank=1),
            Variable(6004, "isa95:MaterialDefinitionID", "String", M, rank=1),
            prop(6005, "isa95:MaxDownloadableJobOrders", "UInt16", M),
            Variable(6006, "isa95:PersonnelID", "String", M, rank=1),
            Variable(6007, "isa95:PhysicalAssetID", "String", M, rank=1),
            Variable(6008, "isa95:WorkMaster", "isa95:3007", M, rank=1),
        )),
        Object(5002, "JobOrderResults", "isa95:1003", M, members=(
            Method(7001, "isa95:RequestJobResponseByJobOrderID", M, 6011,
                (Argument("JobOrderID", "String"),), 6012, (Argument("JobResponse", "isa95:3013"),
                Argument("ReturnStatus", "UInt64"),)),
            Method(7002, "isa95:RequestJobResponseByJobOrderState", M, 6037,
                (Argument("JobOrderState", "isa95:3006", 1),),
                6038, (Argument("JobResponses", "isa95:3013", 1), Argument("ReturnStatus", "UInt64"),)),
        )),
    )),
))  # fmt: skip
