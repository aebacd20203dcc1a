"""The API: HTTP with JSON on a unix socket, versioned under /v1. It serves the command line and any local program."""

from cellctl.faces.api.face import ApiFace

__all__ = ["ApiFace"]
