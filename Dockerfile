# One image recipe for every service: docker build --build-arg SERVICE=bookings -t linli-bookings .
FROM python:3.11-slim-bookworm AS build
COPY requirements/services.lock /tmp/services.lock
RUN python -m venv /opt/linli \
    && /opt/linli/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/services.lock

FROM python:3.11-slim-bookworm
ARG SERVICE
RUN test -n "$SERVICE" && useradd --system --uid 10001 --no-create-home linli
# The type of what is printed: petitions alone prints.
RUN if [ "$SERVICE" = petitions ]; then apt-get update && apt-get install -y --no-install-recommends fonts-wqy-microhei \
    && rm -rf /var/lib/apt/lists/*; fi
WORKDIR /app
COPY --from=build /opt/linli /opt/linli
COPY shared shared
COPY services/__init__.py services/__init__.py
COPY services/${SERVICE} services/${SERVICE}
# Compiled here, once: each start would do it again, for three seconds.
RUN python -m compileall -q shared services
ENV PATH=/opt/linli/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LINLI_LISTEN=0.0.0.0:8000 LINLI_SERVICE=${SERVICE} \
    MALLOC_MMAP_THRESHOLD_=1048576 MALLOC_ARENA_MAX=2
USER 10001
EXPOSE 8000
# By the shell itself: to start Python for it each time takes as much as the service does when nobody asks it anything.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
STOPSIGNAL SIGTERM
# exec: the service itself is process 1 and gets SIGTERM, on which it drains.
CMD ["sh", "-c", "exec python -m shared.runtime.runner $LINLI_SERVICE"]
