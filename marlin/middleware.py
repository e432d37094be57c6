"""What every response says about itself."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


def never_stored(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Pages are rendered per reader: no cache keeps one, and no tag lets two be compared."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["Cache-Control"] = "no-store"
        for header in ("ETag", "Last-Modified", "Expires"):
            if header in response:
                del response[header]
        return response

    return middleware
