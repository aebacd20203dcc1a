"""`cellctl journal verify` and `cellctl backup`, as a running daemon answers them."""

import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from cellctl.cli.client import Api, Refused
from cellctl.cli.screen import Screen

# A journal of a gigabyte is looked through, and copied, in less.
WITHIN_S = 600.0


def verify(api: Api, args: Namespace, _: Screen) -> Sequence[str]:
    """Have every record looked at. Raises Refused for a journal that is not as it was written."""
    said = api.get("/v1/journal/verify", WITHIN_S)
    if not said["whole"]:
        why = f"record {said['bad_seq']} is bad: {said['why']}"
        raise Refused({"code": "rejected:altered", "message": why, "result": said})
    if args.json:
        return [json.dumps(said, indent=2)]
    whole = "whole: every record is as it was written"
    return [f"{said['records']} records up to {said['last_seq']}, {whole}", f"head {said['head']}"]


def backup(api: Api, args: Namespace, _: Screen) -> Sequence[str]:
    """Have everything copied into a folder of the daemon's computer."""
    said = api.post("/v1/backup", {"folder": str(Path(args.folder).absolute())}, WITHIN_S)
    if args.json:
        return [json.dumps(said, indent=2)]
    return [f"{said['folder']}: a state folder; try it: cellctl journal verify --state {said['folder']}"]
