"""Pages about repositories and what is made of them."""

from django.urls import path

from tasks.views import repositories

app_name = "tasks"
urlpatterns = [
    path("repositories/", repositories.repositories, name="repositories"),
    path("repositories/<uuid:public_id>/row", repositories.row, name="repository_row"),
    path("repositories/<uuid:public_id>/refresh", repositories.refresh, name="refresh_repository"),
]
