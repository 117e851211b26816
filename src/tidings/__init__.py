"""Tidings: a message-notification service whose speciality is the subscription lifecycle and consent."""

__version__ = "0.1.0"
