# One image: the API, the worker and the three functions of AWS, told apart by the command alone.
#   quantyfy serve --no-worker --host 0.0.0.0                         # the default
#   quantyfy worker
#   python -m awslambdaric lambdas.upload_handler.handler.handle      # with AWS's Runtime API
# It needs a database (QUANTYFY_DATABASE_URL), a lake (QUANTYFY_LAKE_URL) and a /tmp that can be written.

ARG BASE=docker.io/library/debian:bookworm-slim

FROM ${BASE} AS system
COPY infrastructure/image/system.sh /
# Debian's security updates come with each build; pinning would keep the holes.
# hadolint ignore=DL3008
RUN apt-get -o Acquire::Retries=3 update \
 && apt-get -o Acquire::Retries=3 install --yes --no-install-recommends binutils ca-certificates python3 python3-pip \
 && rm -rf /var/lib/apt/lists/* \
 && /system.sh /kept

FROM system AS packages
# Behind a mirror with an authority of its own: mount its certificate and name the file for both.
ARG PIP_CERT
ARG SSL_CERT_FILE
RUN pip install --no-cache-dir --break-system-packages uv==0.13.9
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PROJECT_ENVIRONMENT=/srv/venv UV_PYTHON=/usr/bin/python3 UV_PYTHON_DOWNLOADS=never
WORKDIR /build
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --locked --no-dev --no-install-project --extra lambda
COPY app app
COPY infrastructure/image/slim.sh /
# What was taken away is not missed: every door opens in what is kept.
RUN uv sync --locked --no-dev --no-editable --extra lambda \
 && /slim.sh /srv/venv/lib/python3.11/site-packages \
 && mv /srv/venv /kept/srv/ \
 && chroot /kept /srv/venv/bin/python -c "import app.api.main, app.cli.main, app.worker, awslambdaric, fastexcel, ssl, sqlite3"

FROM scratch
LABEL org.opencontainers.image.title="Quantyfy" org.opencontainers.image.licenses="Apache-2.0"
# Nothing is written but in /tmp, so that the root may be read-only.
ENV PATH=/srv/venv/bin:/usr/bin PYTHONPATH=/srv PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp NUMBA_CACHE_DIR=/tmp/numba QUANTYFY_HOME=/tmp/quantyfy
WORKDIR /srv
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/live', timeout=4)"]
CMD ["quantyfy", "serve", "--no-worker", "--host", "0.0.0.0"]
COPY --from=system /kept /
COPY infrastructure/image/rds-ca.pem /etc/ssl/rds-ca.pem
COPY --from=packages /kept/srv/venv /srv/venv
COPY lambdas /srv/lambdas
USER 10001:10001
