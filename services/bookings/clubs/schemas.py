"""The HTTP shapes of clubs."""

from __future__ import annotations

from marshmallow import Schema, fields

from services.bookings.programmes.schemas import PublishProgramme
from shared.entrypoints.fields import Id, Text


class FoundClub(Schema):
    name = Text(80, required=True)
    leader = Id(required=True)


class Member(Schema):
    resident_id = Id(metadata={"description": "whom a worker names; else the caller"})


class Lead(Schema):
    leader = Id(required=True)


class Practise(PublishProgramme):
    class Meta:
        exclude = ("kind",)


class ClubView(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    leader = fields.String(required=True)
    members = fields.Function(lambda club: len(club.members), required=True)
