"""The types of the companion specifications, as far as they are exposed: facts of the published models, as data.

Node ids, browse names, numbers and field orders are the standards'; tests/interop compares every one of them with the
official nodesets. No foreign file is shipped.
"""

from typing import Final

from cellctl.faces.opcua.types import di, isa95, jobs, machinery, packml
from cellctl.faces.opcua.types.table import Model

# In the order in which their namespaces are registered; each may name nodes of those before it.
MODELS: Final[tuple[Model, ...]] = (di.MODEL, machinery.MODEL, isa95.MODEL, jobs.MODEL, packml.MODEL)
