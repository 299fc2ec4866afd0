"""Requests and answers as Mailchimp's documentation shows them, by the page they stand on."""

from __future__ import annotations

from typing import Any

#: mailchimp.com/developer/marketing/docs/errors, "Error format".
METHOD_NOT_ALLOWED: dict[str, Any] = {
    "type": "https://mailchimp.com/developer/marketing/docs/errors/",
    "title": "Method Not Allowed",
    "status": 405,
    "detail": "The requested method and resource are not compatible. See the Allow header for this resource's "
    "available methods.",
    "instance": "3b4dcb40-0b6b-4820-bfaa-41267b3826ea",
}

#: As met in the field (github.com/ibericode/mailchimp-for-wordpress/issues/798).
COMPLIANCE: dict[str, Any] = {
    "title": "Member In Compliance State",
    "status": 400,
    "detail": "urist@freddies.tld is in a compliance state due to unsubscribe, bounce, or compliance review and "
    "cannot be subscribed.",
    "instance": "10ce6c36-5379-d506-af72-293f72699eee",
}

#: As met in the field (konfy.io, on resubscribing deleted members).
FORGOTTEN: dict[str, Any] = {
    "type": "http://developer.mailchimp.com/documentation/mailchimp/guides/error-glossary/",
    "title": "Forgotten Email Not Subscribed",
    "status": 400,
    "detail": "urist@freddies.tld was permanently deleted and cannot be re-imported. The contact must re-subscribe "
    "to get back on the list.",
}

#: stackoverflow.com/questions/41160763.
MANY_LISTS: dict[str, Any] = {
    "type": "http://developer.mailchimp.com/documentation/mailchimp/guides/error-glossary/",
    "title": "Invalid Resource",
    "status": 400,
    "detail": "urist@freddies.tld has signed up to a lot of lists very recently; we're not allowing more "
    "signups for now",
    "instance": "",
}

#: mailchimp.com/developer/marketing/docs/errors, the glossary.
TOO_MANY: dict[str, Any] = {
    "title": "Too Many Requests",
    "status": 429,
    "detail": "You have exceeded the limit of 10 simultaneous connections.",
}
BAD_KEY: dict[str, Any] = {
    "title": "API Key Invalid",
    "status": 401,
    "detail": "Your API key may be invalid, or you've attempted to access the wrong datacenter.",
}

#: An answer to GET /lists/{list_id}/members/{hash} as recorded by github.com/grouparoo/grouparoo.
MEMBER: dict[str, Any] = {
    "id": "b0149f75fe84c92d0dec9a0b13e6960b",
    "email_address": "testid3039@grouparoo.com",
    "unique_email_id": "3eb8a920e9",
    "contact_id": "2339939832d39de535220d2188836484",
    "full_name": "Test2",
    "web_id": 440689824,
    "email_type": "html",
    "status": "archived",
    "consents_to_one_to_one_messaging": True,
    "merge_fields": {
        "FNAME": "Test2",
        "LNAME": "",
        "ADDRESS": "",
        "PHONE": "",
        "LTV": "",
        "USERID": "",
        "JOINED_AT": "",
    },
    "stats": {"avg_open_rate": 0, "avg_click_rate": 0},
    "ip_signup": "",
    "timestamp_signup": "",
    "ip_opt": "186.6.243.135",
    "timestamp_opt": "2022-02-23T19:31:49+00:00",
    "member_rating": 2,
    "last_changed": "2022-02-23T19:31:55+00:00",
    "language": "",
    "vip": False,
    "tags_count": 0,
    "tags": [],
    "list_id": "a36b032126",
}

#: developer.mailchimp.com/documentation/mailchimp/guides/how-to-use-batch-operations: the names of a batch.
BATCH = {
    "id",
    "status",
    "total_operations",
    "finished_operations",
    "errored_operations",
    "submitted_at",
    "completed_at",
    "response_body_url",
}

#: github.com/tbar0970/jethro-pmm/issues/656: one result of a batch.
RESULT: dict[str, Any] = {
    "response": '{"title":"Member In Compliance State","status":400,"detail":"xyz@gmail.com is in a compliance state '
    'due to unsubscribe, bounce, or compliance review and cannot be subscribed.","instance":""}',
    "operation_id": "add-xyz@gmail.com",
    "status_code": 400,
}

#: mailchimp.com/developer/transactional/api/messages/send-using-message-template: what is answered for an address.
SENDING = {
    "email": "recipient@freddies.tld",
    "status": "rejected",
    "reject_reason": "hard-bounce",
    "_id": "abc123abc123",
}

#: mailchimp.com/developer/transactional/docs/fundamentals: an error.
NO_TEMPLATE = {"status": "error", "code": 5, "name": "Unknown_Template", "message": 'No such template "welcome"'}
