#!/bin/sh
# The edge in containers: Caddy, and beside it a look each second at which replicas there are. Their addresses come from the engine's
# name server. On a change the list is written anew and Caddy told: it keeps its connections, and checks each replica by itself.
# LINLI_SERVICES names the services, LINLI_EDGE_ADMIN the socket over which Caddy is told.
set -eu
config=/etc/caddy/Caddyfile

addresses() { # of one service: host:port, sorted
    nslookup -type=a "$1" 127.0.0.11 2>/dev/null | awk '/^Name:/ { found = 1 } found && /^Address/ { print $NF ":8000" }' | sort | tr '\n' ' '
}

look() { # sets LINLI_<SERVICE>_UPSTREAMS of each service that has any replica; those of one that has none stay as they were
    for service in $LINLI_SERVICES; do
        name=LINLI_$(echo "$service" | tr '[:lower:]-' '[:upper:]_')_UPSTREAMS
        there=$(addresses "$service")
        [ -z "$there" ] || export "$name=$there"
    done
    env | grep '_UPSTREAMS=' | sort
}

plain=$LINLI_EDGE_PORT
if [ -n "${LINLI_SITE:-}" ]; then # with TLS; plain for the health check and the operator's command, who are inside
    export LINLI_EDGE_SITE="http://127.0.0.1:$plain, http://edge:$plain, https://$LINLI_SITE" LINLI_EDGE_PORT=8443
    export LINLI_EDGE_HTTPS="http_port $plain
https_port 8443"
fi

if [ "${1:-}" = healthy ]; then # every service answers through it, if only that nobody is signed in
    for path in $LINLI_SEEN_AT; do
        said=$(wget -O /dev/null -T 2 "http://127.0.0.1:$plain$path" 2>&1) || case "$said" in *401*) ;; *) exit 1 ;; esac
    done
    exit
fi

for service in $LINLI_SERVICES; do
    export "LINLI_$(echo "$service" | tr '[:lower:]-' '[:upper:]_')_UPSTREAMS=$service:8000"
done
known=$(look) seen= same=0
look >/tmp/upstreams
caddy run --config $config --adapter caddyfile &
caddy=$!
trap 'kill -TERM $caddy' TERM INT
while kill -0 $caddy 2>/dev/null; do
    sleep 1 &
    wait $! || true # a signal ends the wait, not the sleep
    now=$(look)
    # Not before it has been so for three looks: a reload ends requests that are just trying another replica, and by then the checks
    # have taken the one that is gone out of use.
    if [ "$now" != "$seen" ]; then
        seen=$now same=0
    else
        same=$((same + 1))
    fi
    if [ "$now" != "$known" ] && [ $same -ge 3 ]; then
        look >/tmp/upstreams
        caddy reload --config $config --adapter caddyfile --address "$LINLI_EDGE_ADMIN" && known=$now
    fi
done
wait $caddy
