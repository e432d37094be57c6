"""Every address of Marlin."""

from allauth.account import views as account
from django.urls import include, path

from marlin.views import home, tokens

urlpatterns = [
    path("", home.home, name="home"),
    path("healthz", home.healthz, name="healthz"),
    # Only these of allauth's pages: there is no registration, and e-mail comes with the outbox.
    path("account/login/", account.login, name="account_login"),
    path("account/logout/", account.logout, name="account_logout"),
    path("account/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("account/tokens/", tokens.page, name="tokens"),
    path("account/tokens/new", tokens.create, name="create_token"),
    path("account/tokens/<uuid:public_id>/revoke", tokens.revoke, name="revoke_token"),
    path("", include("tasks.urls")),
    path("", include("grading.urls")),
]
