# The edge in a cluster: Caddy with its routes, and the pages that describe the API. `make images` builds linli-ops before it.
ARG VERSION
FROM linli-ops:${VERSION} AS written
WORKDIR /app
COPY deploy/Caddyfile deploy/Caddyfile
RUN python -m ops.documents /srv/api && python -m ops.edge >/Caddyfile

FROM caddy:2.11-alpine
# Without the right to ports below 1024 that the file carries: where all rights are dropped, the kernel would not start it at all.
RUN cp /usr/bin/caddy /usr/bin/plain && mv /usr/bin/plain /usr/bin/caddy
COPY --from=written /Caddyfile /etc/caddy/Caddyfile
COPY --from=written /srv /srv
ENV XDG_CONFIG_HOME=/tmp XDG_DATA_HOME=/tmp
USER 10001
EXPOSE 8080
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
