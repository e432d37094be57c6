"""The Celery application: queues, the beat's schedule, and bells that give up quickly."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("MARLIN_PROCESS", "worker")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marlin.settings")

from celery import Celery
from django.conf import settings

app = Celery("marlin")


def _broker_url(redis_url: str) -> str:
    # redis-py says unix:///path, kombu redis+socket:///path.
    return redis_url.replace("unix://", "redis+socket://", 1)


def _every(job: str, seconds: float) -> dict[str, Any]:
    # A beat that nobody heard in time is worthless: the next one says the same.
    return {"task": job, "schedule": seconds, "options": {"expires": max(seconds, 1)}}


app.conf.update(
    broker_url=_broker_url(settings.REDIS_URL),
    broker_connection_timeout=settings.RING_TIMEOUT,
    broker_connection_retry_on_startup=True,
    # A worker outlives any absence of the broker.
    broker_connection_max_retries=None,
    broker_transport_options={
        "socket_timeout": max(settings.RING_TIMEOUT, 5),
        "socket_connect_timeout": settings.RING_TIMEOUT,
        "retry_on_timeout": False,
    },
    # Acknowledged at the start: the claim on the row makes a job run once, the sweep rings again.
    task_acks_late=False,
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    worker_soft_shutdown_timeout=5,
    task_default_queue="default",
    task_routes={
        "tasks.jobs.generate_candidate": {"queue": "generate"},
        "tasks.jobs.prepare_environment": {"queue": "generate"},
        "tasks.jobs.check_agent": {"queue": "generate"},
    },
    beat_schedule={
        "seal events": _every("marlin.jobs.seal_events", settings.SEAL),
        "sweep runs": _every("tasks.jobs.requeue_stuck_candidates", settings.SWEEP),
        "sweep preparations": _every("tasks.jobs.requeue_preparations", settings.SWEEP),
        "tidy": _every("tasks.jobs.tidy", settings.TIDY),
        "open tasks": _every("tasks.jobs.open_tasks", settings.PULL),
        "render pairs": _every("grading.jobs.render_pairs", settings.PULL),
        "prepare trees": _every("grading.jobs.prepare_trees", settings.SWEEP),
        "expire assignments": _every("grading.jobs.expire_assignments", settings.SWEEP),
        "heed stopping rules": _every("grading.jobs.heed_stopping_rules", settings.SWEEP),
        "write judgements": _every("grading.jobs.write_missing_judgements", settings.SWEEP),
        "sweep exports": _every("grading.jobs.requeue_exports", settings.SWEEP),
        "sweep results": _every("grading.jobs.requeue_results", settings.SWEEP),
    },
)
app.autodiscover_tasks(related_name="jobs")
