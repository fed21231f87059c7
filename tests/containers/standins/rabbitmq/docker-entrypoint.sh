#!/bin/sh
# As root it gives the volume to rabbitmq, and goes on as that user.
set -e
if [ "$(id -u)" = 0 ] && [ "$1" = rabbitmq-server ]; then
    chown -R rabbitmq:rabbitmq /var/lib/rabbitmq
    exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups "$0" "$@"
fi
if [ "$1" = rabbitmq-server ]; then set -- /usr/lib/rabbitmq/bin/rabbitmq-server; fi
exec "$@"
