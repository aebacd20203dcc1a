"""The structures of ISA-95 Job Control (OPC 10031-4, version 2) that a machine with job management shows.

`Name: Type`, with [] for an array and ? for an optional field, in the order in which they go over the wire.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cellctl_sim.opcua.shelf import ISA95

# What a structure may consist of beside its like, by its number in namespace 0.
BASE: Final[Mapping[str, int]] = {
    "Variant": 24, "String": 12, "DateTime": 13, "Int16": 4, "UInt32": 7, "LocalizedText": 21,
    "DecimalString": 12878, "RelativePath": 540, "EUInformation": 887,
}  # fmt: skip


# Of these, the structures that namespace 0 brings.
INSIDE: Final = ("RelativePath", "EUInformation")


@dataclass(frozen=True, slots=True)
class Member:
    """One field."""

    name: str
    kind: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Structure:
    """One data type, and the number of its binary encoding."""

    number: int
    encoding: int
    fields: str

    def members(self) -> list[Member]:
        """The fields, in order."""
        pairs = (each.split(": ") for each in self.fields.split(", "))
        return [Member(name, kind.removesuffix("?"), kind.endswith("?")) for name, kind in pairs]


_THING: Final = "Quantity: DecimalString?, EngineeringUnits: EUInformation?, Properties: ISA95PropertyDataType[]?"
_USED: Final = (
    "Personnel{0}: ISA95PersonnelDataType[]?, Equipment{0}: ISA95EquipmentDataType[]?, "
    "PhysicalAsset{0}: ISA95PhysicalAssetDataType[]?, Material{0}: ISA95MaterialDataType[]?"
)
_NAMED: Final = "ID: String, Value: Variant, Description: LocalizedText[]?, EngineeringUnits: EUInformation?"

NAMESPACE: Final = ISA95
STRUCTURES: Final[Mapping[str, Structure]] = {
    "ISA95PropertyDataType": Structure(3002, 5002, f"{_NAMED}, Subproperties: ISA95PropertyDataType[]?"),
    "ISA95ParameterDataType": Structure(3003, 5005, f"{_NAMED}, Subparameters: ISA95ParameterDataType[]?"),
    "ISA95EquipmentDataType": Structure(
        3005, 5008, f"ID: String, Description: LocalizedText[]?, EquipmentUse: String?, {_THING}"
    ),
    "ISA95PhysicalAssetDataType": Structure(
        3012, 5023, f"ID: String, Description: LocalizedText[]?, PhysicalAssetUse: String?, {_THING}"
    ),
    "ISA95PersonnelDataType": Structure(
        3011, 5020, f"ID: String, Description: LocalizedText[]?, PersonnelUse: String?, {_THING}"
    ),
    "ISA95MaterialDataType": Structure(
        3010, 5017,
        "MaterialClassID: String?, MaterialDefinitionID: String?, MaterialLotID: String?, MaterialSublotID: String?, "
        f"Description: LocalizedText[]?, MaterialUse: String?, {_THING}",
    ),
    "ISA95WorkMasterDataType": Structure(
        3007, 5011, "ID: String, Description: LocalizedText?, Parameters: ISA95ParameterDataType[]?"
    ),
    "ISA95StateDataType": Structure(
        3006, 5029, "BrowsePath: RelativePath, StateText: LocalizedText, StateNumber: UInt32"
    ),
    "ISA95JobOrderDataType": Structure(
        3008, 5014,
        "JobOrderID: String, Description: LocalizedText[]?, WorkMasterID: ISA95WorkMasterDataType[]?, "
        "StartTime: DateTime?, EndTime: DateTime?, Priority: Int16?, JobOrderParameters: ISA95ParameterDataType[]?, "
        + _USED.format("Requirements"),
    ),
    "ISA95JobResponseDataType": Structure(
        3013, 5026,
        "JobResponseID: String, Description: LocalizedText?, JobOrderID: String, StartTime: DateTime?, "
        "EndTime: DateTime?, JobState: ISA95StateDataType[], JobResponseData: ISA95ParameterDataType[]?, "
        + _USED.format("Actuals"),
    ),
    "ISA95JobOrderAndStateDataType": Structure(
        3015, 5032, "JobOrder: ISA95JobOrderDataType, State: ISA95StateDataType[]"
    ),
}  # fmt: skip
