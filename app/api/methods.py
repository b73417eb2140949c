"""Which methods an address takes, as every 405 has to say (RFC 9110, 15.5.6)."""

from fastapi import Request
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.routing import Match

from app.api.heads import is_reading


def methods_of(request: Request) -> set[str]:
    """Of all routes of the address together: the router's own refusal knows those of the first one alone."""
    here = [route for route in iter_route_contexts(request.app.routes) if _is_at(route, request)]
    methods = {method for route in here for method in route.methods or ()}
    return methods | {"HEAD"} if "GET" in methods and is_reading(request.scope) else methods


def _is_at(route: RouteContext, request: Request) -> bool:
    return route.matches(request.scope)[0] is not Match.NONE
