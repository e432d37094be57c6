"""From two candidates to a judged, paid, exported preference."""

from django.apps import AppConfig


class GradingConfig(AppConfig):
    name = "grading"
