"""The same job the usual way: stock nameko HTTP, pymongo, EventDispatcher."""

from __future__ import annotations

import json
import os
import uuid
from datetime import UTC, datetime, timedelta

from joserfc import jwt
from joserfc.jwk import KeySet
from marshmallow import Schema, ValidationError, fields
from nameko.events import EventDispatcher
from nameko.extensions import DependencyProvider
from nameko.web.handlers import http
from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError
from werkzeug.wrappers import Response

# Without: what a prototype costs, whose figures tell one machine from another.
CHECKS = os.environ.get("STOCK_CHECKS") != "none"


class Wrong(Exception):
    def __init__(self, status: int, *args: object) -> None:
        super().__init__(*args)
        self.status = status


class Reserve(Schema):
    room_id = fields.String(required=True)
    start = fields.AwareDateTime(required=True, format="iso")
    end = fields.AwareDateTime(required=True, format="iso")
    purpose = fields.String(required=True)


class Database(DependencyProvider):
    def setup(self):
        self.client = MongoClient(os.environ["STOCK_MONGO"], tz_aware=True)
        self.db = self.client["stock_booking"]
        self.db.reservations.create_index([("community", 1), ("claims", 1)], unique=True)

    def get_dependency(self, worker_ctx):
        return self.db


def reply(status: int, body: dict) -> Response:
    return Response(json.dumps(body), status=status, mimetype="application/json")


class Booking:
    name = "stockbooking"
    db = Database()
    dispatch = EventDispatcher()
    schema = Reserve()
    keys = KeySet.import_key_set(json.loads(os.environ["STOCK_JWKS"]))

    def checked(self, request, community) -> tuple[str, dict]:
        """Who calls, by the token, and the body, by the schema."""
        try:
            token = request.headers["Authorization"].partition(" ")[2]
            caller = jwt.decode(token, self.keys, algorithms=["EdDSA"]).claims["communities"][community]["id"]
        except Exception as error:
            raise Wrong(401) from error
        try:
            return caller, self.schema.load(json.loads(request.get_data()))
        except (ValueError, ValidationError) as error:
            raise Wrong(422, error) from error

    def unchecked(self, request) -> tuple[str, dict]:
        """The same of somebody who is believed everything."""
        body = json.loads(request.get_data() or "{}")
        if "room_id" not in body:
            raise Wrong(401)
        return "r", body | {name: datetime.fromisoformat(body[name]) for name in ("start", "end")}

    @http("POST", "/api/v1/<community>/reservations")
    def reserve(self, request, community):
        try:
            caller, body = self.checked(request, community) if CHECKS else self.unchecked(request)
        except Wrong as error:
            return reply(error.status, {"errors": str(error)})
        room = self.db.rooms.find_one({"_id": body["room_id"], "community": community})
        if room is None:
            return reply(404, {"code": "room_missing"})
        taken, moment = [], body["start"].astimezone(UTC)
        while moment < body["end"]:
            taken.append(f"{room['_id']}/{moment:%Y-%m-%dT%H:%M}")
            moment += timedelta(minutes=15)
        document = {"_id": str(uuid.uuid4()), "community": community, "claims": taken, "state": "confirmed"}
        document |= {"start": body["start"], "end": body["end"], "resident_id": caller, "room_id": room["_id"]}
        document |= {"purpose": body["purpose"], "room_name": room["name"], "created": datetime.now(UTC)}
        try:
            self.db.reservations.insert_one(document)
        except DuplicateKeyError:
            return reply(409, {"code": "slot_taken"})
        self.dispatch(
            "reservation_confirmed",
            {
                "reservation_id": document["_id"],
                "room_id": room["_id"],
                "room_name": room["name"],
                "community": community,
                "resident_id": caller,
                "start": body["start"].isoformat(),
                "end": body["end"].isoformat(),
            },
        )
        return reply(201, {"id": document["_id"], "state": "confirmed"})
