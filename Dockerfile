# One image for web, worker, beat and the one-shot migration; docker-compose.yml says what each of them runs.
FROM python:3.11-slim AS packages
RUN python -m venv /opt/venv
COPY requirements.lock /tmp/
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: \
    --no-deps --requirement /tmp/requirements.lock

FROM python:3.11-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bubblewrap git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --uid 10001 marlin \
    && install --directory --owner marlin --group marlin /var/lib/marlin /var/lib/marlin/gateway \
        /var/lib/marlin/media /var/lib/marlin/work
COPY --from=packages /opt/venv /opt/venv
WORKDIR /srv/marlin
COPY manage.py ./
COPY marlin marlin
COPY tasks tasks
COPY grading grading
COPY templates templates
COPY static static
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DEBUG=false \
    MEDIA_ROOT=/var/lib/marlin/media \
    MARLIN_WORK=/var/lib/marlin/work
# Collecting the static files connects to nothing; settings only want the variables to be there.
RUN install --directory --owner marlin --group marlin var \
    && SECRET_KEY=unused-while-building MARLIN_PROCESS=worker \
       DATABASE_URL_WORKER=postgresql://unused@unused.invalid/marlin \
       python manage.py collectstatic --no-input --verbosity 0
USER marlin
EXPOSE 8000
CMD ["gunicorn", "marlin.wsgi:application", "--worker-class", "gthread", "--workers", "2", "--threads", "4", \
     "--bind", "0.0.0.0:8000", "--worker-tmp-dir", "/dev/shm", "--no-control-socket"]
