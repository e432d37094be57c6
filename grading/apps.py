"""From two candidates to a judged, paid, exported preference."""

from django.apps import AppConfig


class GradingConfig(AppConfig):
    name = "grading"

    def ready(self) -> None:
        from grading import waiting
        from tasks import queues

        queues.also(waiting.kinds)
