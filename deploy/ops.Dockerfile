# The operator's command, for `docker compose run --rm ops linli …`.
FROM python:3.11-slim-bookworm
COPY requirements/run.lock /tmp/run.lock
RUN python -m venv /opt/linli \
    && /opt/linli/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/run.lock \
    && printf '#!/bin/sh\nexec python -m ops "$@"\n' >/usr/local/bin/linli && chmod 755 /usr/local/bin/linli
WORKDIR /app
COPY shared shared
COPY services services
COPY ops ops
COPY pyproject.toml pyproject.toml
RUN python -m compileall -q shared services ops
ENV PATH=/opt/linli/bin:$PATH PYTHONDONTWRITEBYTECODE=1
CMD ["linli", "--help"]
