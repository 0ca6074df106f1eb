# The daemon as an image. It runs as a numeric user with a read-only root; everything that it writes (mirrors, which may be
# deleted at any time) goes to /var/lib/reconciler, an emptyDir:
#
#   docker run --read-only --init --mount type=tmpfs,destination=/var/lib/reconciler,tmpfs-mode=1777 \
#     --volume "$PWD/reconciler.yaml:/etc/reconciler/reconciler.yaml:ro" IMAGE run -c /etc/reconciler/reconciler.yaml

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
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git openssh-client ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=65532 --group=65532 --mode=0755 /var/lib/reconciler
COPY --from=build /opt/reconciler /opt/reconciler
ENV PATH=/opt/reconciler/bin:$PATH \
    HOME=/var/lib/reconciler \
    TMPDIR=/var/lib/reconciler \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /var/lib/reconciler
USER 65532:65532
ENTRYPOINT ["reconciler"]
CMD ["--help"]
