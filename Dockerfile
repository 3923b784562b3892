# open-seq2seq on CPUs: serving exported models, and everything else.
#
#     docker build -t open-seq2seq .
#     docker run --rm -p 8000:8000 -v "$PWD/my_model:/model:ro" open-seq2seq
#
# Another command: docker run --rm -v "$PWD:/work" -w /work open-seq2seq infer --help

FROM python:3.11-slim AS build
# Debian keeps one version of a package at a time: a pinned one would be gone with the next fix.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
COPY . /src
WORKDIR /src
RUN python -m venv /opt/venv \
    && /opt/venv/bin/python -m pip install --no-cache-dir --constraint constraints.txt \
        '.[export,serve]'
# Beam search has to be there, for whatever processor it will run on.
WORKDIR /
RUN /opt/venv/bin/python -c 'from ctc_decoder_with_lm.library import core; core()'

FROM python:3.11-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home asr
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /home/asr
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["open-seq2seq"]
CMD ["serve", "/model", "--host=0.0.0.0"]
