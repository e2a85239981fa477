# Two images of the same static binary:
#
#   docker build -t kvasir .                       # nothing but the binary and the offline model
#   docker build -t kvasir --target ocr .          # and tesseract, which reads scans
#
# Both run as user 65532, keep everything in /data and serve on port 8080.

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/kvasir ./cmd/kvasir

# The offline model, its checksum verified, and the PDF engine, compiled.
FROM node:22-bookworm-slim AS model
COPY --from=build /out/kvasir /usr/local/bin/kvasir
ENV HOME=/home/kvasir
RUN mkdir -p /home/kvasir /data && kvasir model install && chown -R 65532:65532 /home/kvasir /data

FROM debian:bookworm-slim AS ocr
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates tesseract-ocr && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/kvasir /usr/local/bin/kvasir
COPY --from=model --chown=65532:65532 /home/kvasir /home/kvasir
COPY --from=model --chown=65532:65532 /data /data
ENV HOME=/home/kvasir KVASIR_DATA=/data KVASIR_LISTEN=0.0.0.0:8080
USER 65532:65532
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/usr/local/bin/kvasir", "health", "--url", "http://127.0.0.1:8080"]
ENTRYPOINT ["/usr/local/bin/kvasir"]
CMD ["serve"]

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/kvasir /usr/local/bin/kvasir
COPY --from=model --chown=65532:65532 /home/kvasir /home/kvasir
COPY --from=model --chown=65532:65532 /data /data
COPY --from=model --chown=65532:65532 /data /tmp
ENV HOME=/home/kvasir KVASIR_DATA=/data KVASIR_LISTEN=0.0.0.0:8080
USER 65532:65532
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/usr/local/bin/kvasir", "health", "--url", "http://127.0.0.1:8080"]
ENTRYPOINT ["/usr/local/bin/kvasir"]
CMD ["serve"]
