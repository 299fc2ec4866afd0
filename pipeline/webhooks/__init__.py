"""Webhooks in: an ASGI application that checks who sends, starts a run for each event, and answers at once.

::

    app.mount("/webhooks", webhooks())                                        # those that the settings name
    app.mount("/hooks", webhooks(Source("shop", StandardWebhooks(secret), to=order_paid, read=standard_event)))

The signature is compared over the bytes as they came, in constant time, before anything in them is read; headers that
are missing or too old are refused before the body is. An event is known by its id: delivered again, it starts nothing.
200 means that every event of the body is written down; 503 that it is not, and the sender is to try again. What is
signed rightly and cannot be read is kept, as a dead letter. Answers are JSON, with nothing of the request.
"""

from __future__ import annotations

from pipeline.webhooks.app import webhooks
from pipeline.webhooks.readers import hubspot_events, standard_event
from pipeline.webhooks.signatures import (
    Envelope,
    HubSignature,
    HubSpotSignature,
    MandrillSignature,
    PathSecret,
    Refused,
    StandardWebhooks,
)
from pipeline.webhooks.sources import Arrival, Source, Unreadable

__all__ = [
    "Arrival",
    "Envelope",
    "HubSignature",
    "HubSpotSignature",
    "MandrillSignature",
    "PathSecret",
    "Refused",
    "Source",
    "StandardWebhooks",
    "Unreadable",
    "hubspot_events",
    "standard_event",
    "webhooks",
]
