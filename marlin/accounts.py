"""Signing in: by e-mail and password, for people an admin has made. There is no registration."""

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from marlin.models import User


class ClosedDoor(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Allauth would lead to a page that Marlin does not have. Only the right password gets this far."""
        messages.error(request, "This account is closed. An admin can open it again.")
        return redirect("account_login")
