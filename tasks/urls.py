"""Pages about repositories and what is made of them."""

from django.urls import URLPattern

app_name = "tasks"
urlpatterns: list[URLPattern] = []
