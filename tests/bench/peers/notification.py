"""The same job the usual way: a stock nameko event handler that saves a message."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from nameko.events import event_handler
from nameko.extensions import DependencyProvider
from pymongo import MongoClient


class Database(DependencyProvider):
    def setup(self):
        self.db = MongoClient(os.environ["STOCK_MONGO"], tz_aware=True)["stock_notification"]
        self.db.messages.create_index([("community", 1), ("recipient", 1), ("created", 1)])

    def get_dependency(self, worker_ctx):
        return self.db


class Notification:
    name = "stocknotification"
    db = Database()

    @event_handler("stockbooking", "reservation_confirmed")
    def tell(self, payload):
        self.db.messages.insert_one(
            {
                "_id": f"{payload['reservation_id']}-inbox",
                "community": payload["community"],
                "subject": payload["reservation_id"],
                "recipient": payload["resident_id"],
                "template": "reservation_confirmed",
                "created": datetime.now(UTC),
                "params": {"start": payload["start"], "end": payload["end"], "p": payload["room_name"]},
            }
        )
