"""OPC 10000-100 (Devices): what the identification of machines is made of."""

from typing import Final

from cellctl.faces.opcua.types.table import (
    Model,
    O,
    ObjectType,
    prop,
)

MODEL: Final = Model("di", "1.05.0", "2025-11-15T00:00:00Z", metadata=(15001, 15005, 15004, 15002, 15003), types=(
    ObjectType(1005, "FunctionalGroupType", "ua:61"),
    ObjectType(15035, "IVendorNameplateType", "ua:17602", abstract=True, members=(
        prop(15036, "Manufacturer", "LocalizedText", O),
        prop(15037, "ManufacturerUri", "String", O),
        prop(15038, "Model", "LocalizedText", O),
        prop(15039, "HardwareRevision", "String", O),
        prop(15040, "SoftwareRevision", "String", O),
        prop(15041, "DeviceRevision", "String", O),
        prop(15042, "ProductCode", "String", O),
        prop(15043, "DeviceManual", "String", O),
        prop(15044, "DeviceClass", "String", O),
        prop(15045, "SerialNumber", "String", O),
        prop(15046, "ProductInstanceUri", "String", O),
        prop(15047, "RevisionCounter", "Int32", O),
        prop(23, "SoftwareReleaseDate", "DateTime", O),
        prop(24, "PatchIdentifiers", "String", O, rank=1),
    )),
    ObjectType(15048, "ITagNameplateType", "ua:17602", abstract=True, members=(
        prop(15049, "AssetId", "String", O),
        prop(15050, "ComponentName", "LocalizedText", O),
    )),
))  # fmt: skip
