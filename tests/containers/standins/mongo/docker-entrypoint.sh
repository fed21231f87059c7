#!/bin/sh
# Makes the administrator before anybody may come in, as the original does, then goes on as mongodb.
set -e
case "$1" in -*) set -- mongod "$@" ;; esac
if [ "$1" = mongod ] && [ "$(id -u)" = 0 ]; then
    chown -R mongodb:mongodb /data/db
    exec setpriv --reuid=mongodb --regid=mongodb --init-groups "$0" "$@"
fi
if [ "$1" = mongod ] && [ -n "$MONGO_INITDB_ROOT_USERNAME" ] && [ ! -e /data/db/secantus ]; then
    mongod --bind_ip 127.0.0.1 --port 27017 >/dev/null &
    first=$!
    /opt/mongo/bin/python - <<'P'
import os
from pymongo import MongoClient

client = MongoClient("mongodb://127.0.0.1:27017/?directConnection=true", serverSelectionTimeoutMS=30000)
name, password = os.environ["MONGO_INITDB_ROOT_USERNAME"], os.environ["MONGO_INITDB_ROOT_PASSWORD"]
client.admin.command("createUser", name, pwd=password, roles=["root"])
P
    kill -TERM $first
    wait $first || true
fi
exec "$@"
