"""People, what happened, and the tokens of their programs."""

from marlin.models.event import CurrentTransaction, Event, EventSeal
from marlin.models.people import People, Role, User
from marlin.models.token import Scope, Token, TokenUse

__all__ = ["CurrentTransaction", "Event", "EventSeal", "People", "Role", "Scope", "Token", "TokenUse", "User"]
