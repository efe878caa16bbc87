# An image with the command `pgq`: docker build -t pgq . && docker run --rm pgq version
# The settings are environment variables (PGQ_DATABASE_URL or PGQ_DATABASE_URL_FILE, …); nothing secret is built in.

FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE alembic.ini ./
COPY app app
COPY migrations migrations
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel . \
 && python -m venv /opt/pgq \
 && /opt/pgq/bin/pip install --no-cache-dir --only-binary :all: /wheel/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /app --create-home pgq
COPY --from=build /opt/pgq /opt/pgq
ENV PATH=/opt/pgq/bin:$PATH \
    PYTHONUNBUFFERED=1
# Mount or copy your own modules here: the current folder is where `pgq worker MODULE` looks.
WORKDIR /app
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["pgq"]
CMD ["--help"]
