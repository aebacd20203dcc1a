"""What is answered: replies with their HTTP status, errors as JSON."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from cellctl.domain.commands import Reply, rejected
from cellctl.domain.errors import StoreFailed
from cellctl.faces.plain import plain

# Refusals that are not about the content of the request, by the code after "rejected:"; all others are 422.
STATUS = {
    "not_permitted": 403,
    "unknown_target": 404,
    "unknown_verb": 405,
    "precondition_failed": 409,
    "id_reused": 409,
    "expired": 409,
    "busy": 503,
    "store_failed": 503,
    "disk_full": 507,
    "internal": 500,
}


def answer(reply: Reply, status: int | None = None) -> web.Response:
    """A reply as JSON: 202 for an accepted command, else what its code stands for."""
    if status is None:
        status = 202 if reply.accepted else STATUS.get(reply.code.partition(":")[2], 422)
    return web.json_response(plain(reply), status=status)


class BadRequest(Exception):
    """A request that does not make sense; each mistake says what was found and what is allowed."""


@web.middleware
async def answer_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Every refusal has the same shape: {code, message, result, duplicate}."""
    try:
        return await handler(request)
    except BadRequest as mistake:
        return answer(rejected("invalid", str(mistake)), 400)
    except StoreFailed as failed:
        return answer(rejected("store_failed", f"the journal cannot be written: {failed}"))
    except web.HTTPRequestEntityTooLarge:
        return answer(rejected("invalid", "the body is larger than 64 KiB"), 413)
    except web.HTTPMethodNotAllowed as wrong:
        allowed = ", ".join(sorted(wrong.allowed_methods))
        return answer(rejected("unknown_verb", f"{request.path} takes {allowed}, not {request.method}"))
    except web.HTTPNotFound:
        return answer(rejected("unknown_target", f"there is no {request.path}"))
