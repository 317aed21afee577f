# The deck's image: the app and nothing of the one-machine environment.
FROM python:3.13-slim AS packages
WORKDIR /app
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home tealdeck
COPY --from=packages /venv /venv
WORKDIR /app
COPY .streamlit .streamlit
COPY connectors connectors
COPY dashboard dashboard
COPY pages pages
COPY deploy/runbooks deploy/runbooks
USER 10001
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 HOME=/tmp TEALDECK_SETTINGS=/etc/tealdeck/tealdeck.toml
EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=2s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/healthz', timeout=2)"]
CMD ["streamlit", "run", "dashboard/asgi.py", "--server.address=0.0.0.0", "--server.port=8501"]
