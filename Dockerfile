# The operator's image. `make image` makes the same without Docker.
#   docker build --build-arg VERSION="$(cat VERSION)" -t ghcr.io/flight-operator/flight-operator .
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false \
    -ldflags "-s -w -X github.com/flight-operator/flight-operator/flightserver/settings.Version=${VERSION}" \
    -o /flight-operator .

FROM scratch
COPY --from=build /flight-operator /flight-operator
USER 65532:65532
ENTRYPOINT ["/flight-operator"]
