# sheetml as a command, for an ordinary user: docker build -t sheetml .
#   docker run --rm -v "$PWD:/work" -u "$(id -u)" sheetml run book.xlsx
#   docker build --build-arg EXTRAS= -t sheetml .     smaller, without models of ratings, plots and macros
FROM python:3.12-slim AS built
ARG EXTRAS=[all]
COPY pyproject.toml README.md LICENSE /source/
COPY sheetml /source/sheetml
RUN pip install --no-cache-dir --no-compile --prefix=/installed "/source${EXTRAS}"

FROM python:3.12-slim
COPY --from=built /installed /usr/local
RUN useradd --create-home --uid 1000 sheetml
USER sheetml
ENV HOME=/tmp NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /work
ENTRYPOINT ["sheetml"]
CMD ["--help"]
