"""Every address of Marlin."""

from allauth.account import views as account
from django.urls import include, path

from marlin import views

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", views.healthz, name="healthz"),
    # Only these of allauth's pages: there is no registration, and e-mail comes with the outbox.
    path("account/login/", account.login, name="account_login"),
    path("account/logout/", account.logout, name="account_logout"),
    path("account/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("", include("tasks.urls")),
    path("", include("grading.urls")),
]
