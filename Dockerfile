# AppealBridge in a container: without root, with one volume for the store, and able to run on a read-only file system.
# docs/install.md says how to run it.

FROM python:3.13-slim AS wheels
COPY . /source
WORKDIR /source
RUN PIP_CONSTRAINT=constraints.txt pip wheel --quiet --wheel-dir /wheels '.[media]' && python packaging/pin.py /wheels

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin appealbridge \
    && install -d -o appealbridge -g appealbridge -m 700 /data \
    && install -d /config
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels --no-deps --require-hashes --requirement /wheels/requirements.txt
USER 10001
ENV APPEALBRIDGE_CONFIG=/config/appealbridge.yaml PYTHONDONTWRITEBYTECODE=1
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
# /healthz answers while the daemon is alive, also where it accepts no events because the disk is full: a restart would not help.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["appealbridge"]
CMD ["run"]
