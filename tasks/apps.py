"""From a pull request to two candidates."""

from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "tasks"
