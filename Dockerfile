# The daemon as an image. It runs as a numeric user with a read-only root; everything that it writes (mirrors, which may be
# deleted at any time) goes to /var/lib/reconciler, an emptyDir:
#
#   docker run --read-only --init --mount type=tmpfs,destination=/var/lib/reconciler,tmpfs-mode=1777 \
#     --volume "$PWD/reconciler.yaml:/etc/reconciler/reconciler.yaml:ro" IMAGE run -c /etc/reconciler/reconciler.yaml

# The base is pinned by its tag, which its makers can move. Pin yours by its digest too, as your registry tells it:
# docker build --build-arg BASE=python:3.13.7-slim-bookworm@sha256:...
ARG BASE=python:3.13.7-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
COPY requirements/ requirements/
RUN python -m venv /build \
    && /build/bin/pip install --no-cache-dir --require-hashes --requirement requirements/build.txt \
    && python -m venv --without-pip /opt/reconciler \
    && /build/bin/pip --python /opt/reconciler/bin/python install --no-cache-dir --require-hashes \
       --requirement requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY schemas/ schemas/
COPY config-repo-template/ config-repo-template/
COPY reconciler/ reconciler/
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /build/bin/pip --python /opt/reconciler/bin/python install --no-cache-dir --no-deps /wheels/*.whl

FROM ${BASE}
LABEL org.opencontainers.image.title="reconciler" \
      org.opencontainers.image.description="Self-healing for services on Kubernetes, with Git as the only database." \
      org.opencontainers.image.licenses="Apache-2.0"
# The user has a name because ssh refuses to run for a number that has none.
# Debian keeps no old versions: what would be pinned here could not be installed any more after its next fix.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git openssh-client ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 65532 reconciler \
    && useradd --uid 65532 --gid 65532 --home-dir /var/lib/reconciler --no-create-home --shell /usr/sbin/nologin reconciler \
    && install --directory --owner=65532 --group=65532 --mode=0755 /var/lib/reconciler
# Nothing is built or installed from here on: what the base brings for that goes, and what is left of it ends the build.
RUN rm -rf /usr/local/lib/python3.*/site-packages/* /usr/local/lib/python3.*/ensurepip \
    && find /usr/local/bin ! -type d ! -name 'python*' -delete \
    && /usr/local/bin/python -c "from importlib.metadata import distributions; from importlib.util import find_spec; \
from shutil import which; left = [*(each.name for each in distributions()), *filter(find_spec, ['ensurepip']), \
*filter(which, ('cc', 'ld', 'make'))]; raise SystemExit(f'tools to build with: {left}' if left else 0)"
COPY --from=build /opt/reconciler /opt/reconciler
# What was installed is compiled already; nothing is written beside it at run time.
ENV PATH=/opt/reconciler/bin:$PATH \
    HOME=/var/lib/reconciler \
    TMPDIR=/var/lib/reconciler \
    XDG_CACHE_HOME=/var/lib/reconciler/.cache \
    XDG_CONFIG_HOME=/var/lib/reconciler/.config \
    XDG_DATA_HOME=/var/lib/reconciler/.local/share \
    XDG_STATE_HOME=/var/lib/reconciler/.local/state \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /var/lib/reconciler
USER 65532:65532
# Of a daemon whose `server.status` is on port 9090, as in the documentation. Kubernetes has probes of its own.
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s CMD ["python", "-I", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 9090, timeout=5); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["reconciler"]
CMD ["--help"]
