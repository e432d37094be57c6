"""People and their roles."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models

from marlin.sources import new_public_id, now


class Role(models.TextChoices):
    RATER = "rater"  # writes scenarios, compares patches
    REVIEWER = "reviewer"  # checks scenarios and submissions
    ADMIN = "admin"  # runs experiments
    RESEARCHER = "researcher"  # exports the preferences


class People(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person, who may hold several roles."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100)
    roles = ArrayField(models.CharField(max_length=20, choices=Role), default=list, blank=True)
    #: Those a person reads and writes well; experiments may ask for one.
    languages = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(default=now)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    objects = People()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(roles__contained_by=[role.value for role in Role]), name="roles_are_known"
            ),
        ]

    def has_role(self, *roles: str) -> bool:
        return any(role in self.roles for role in roles)

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.name.split()[:2]).upper() or "?"

    def get_full_name(self) -> str:
        return self.name
