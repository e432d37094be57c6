"""Who may open which pages, and what stands in the navigation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django_htmx.middleware import HtmxDetails

from marlin.models import Role, User

View = TypeVar("View", bound=Callable[..., HttpResponse])


class PersonRequest(HttpRequest):
    """A request of somebody who is signed in."""

    user: User
    htmx: HtmxDetails


def role_required(*roles: Role) -> Callable[[View], View]:
    """Only for these roles; for everybody else the page does not exist."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: PersonRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.has_role(*roles):
                raise Http404
            return view(request, *args, **kwargs)

        return cast(View, login_required(guarded))

    return decorate


@dataclass(frozen=True)
class Place:
    """One entry of the navigation."""

    label: str
    route: str
    roles: tuple[Role, ...]


PLACES = (
    Place("Work", "grading:work", (Role.RATER,)),
    Place("Scenarios", "tasks:scenarios", (Role.RATER,)),
    Place("Review", "grading:reviews", (Role.REVIEWER,)),
    Place("Approval", "tasks:approvals", (Role.REVIEWER,)),
    Place("Experiments", "grading:experiments", (Role.ADMIN,)),
    Place("Operations", "tasks:operations", (Role.ADMIN,)),
    Place("Agents", "tasks:agents", (Role.ADMIN,)),
    Place("Providers", "tasks:providers", (Role.ADMIN,)),
    Place("Repositories", "tasks:repositories", (Role.ADMIN,)),
    Place("Imports", "tasks:imports", (Role.ADMIN,)),
    Place("Categories", "tasks:categories", (Role.ADMIN,)),
    Place("Rubrics", "grading:rubrics", (Role.ADMIN,)),
    Place("People", "tasks:people", (Role.ADMIN,)),
    Place("Results", "grading:results", (Role.RESEARCHER,)),
    Place("Exports", "grading:exports", (Role.RESEARCHER,)),
    Place("API", "tokens", (Role.RESEARCHER,)),
)


def places_of(user: User) -> list[Place]:
    return [place for place in PLACES if user.has_role(*place.roles)]


def navigation(request: HttpRequest) -> dict[str, Any]:
    """The context processor behind the bar at the top."""
    user = getattr(request, "user", None)
    return {
        "places": places_of(user) if isinstance(user, User) else [],
        # What agents did without a sandbox may have been done to anything that this machine shows.
        "unsafe": settings.UNSAFE_SUBPROCESS,
    }
